/** The smallest client: a link, the ground rules, the door, and a room with one row of buttons. It shows what the SDK takes and gives. */

import { Refusal, Session, takeLink, type OwnSources, type Participant, type Phase, type View } from '@hearth/sdk';

const session = new Session();
const link = takeLink();
const page = find('page');
const tiles = new Map<number, { figure: HTMLElement; end: () => void }>();

session.on('phase', draw);
session.on('view', drawRoom);
session.on('own', drawOwn);
session.on('soundBlocked', (blocked) => {
  if (blocked) page.prepend(button('Play sound', () => session.allowSound()));
});

if (Session.hasPlace()) session.resume();
else draw(session.phase);

function draw(phase: Phase): void {
  find('phase').textContent = phase.name;
  switch (phase.name) {
    case 'idle':
      if (link) return page.replaceChildren(button('Join', () => session.join(link)));
      return page.replaceChildren('Please open your personal link.');
    case 'ground_rules':
      return page.replaceChildren(
        list(phase.rules.rules),
        button('I agree', () => session.acceptGroundRules()),
      );
    case 'waiting':
      return page.replaceChildren('You will be let in soon.');
    case 'seated':
      return enterRoom();
    case 'closed':
      return page.replaceChildren(phase.card ? `${phase.card.title} ${phase.card.crisis_line}` : 'Goodbye.');
    case 'connecting':
    case 'reconnecting':
      return;
  }
}

function enterRoom(): void {
  if (!document.getElementById('tiles')) {
    const { desk } = session;
    const room = document.createElement('section');
    room.id = 'tiles';
    const lead = [
      button('Admit all', () => desk.admitAll()),
      button('Mute all', () => desk.gateAll('microphone')),
      button('Round', () => desk.startRound()),
      button('End round', () => desk.endRound()),
      button('Lock', () => desk.lock()),
    ];
    page.replaceChildren(
      button('Microphone', () => session.setMicrophone(!session.own.microphone.on), 'microphone'),
      button('Camera', () => session.setCamera(!session.own.camera.on), 'camera'),
      button('Raise hand', () => session.raiseHand()),
      button('Leave', () => session.leave()),
      ...(session.view?.desk ? lead : []),
      room,
    );
  }
  drawOwn(session.own);
  if (session.view) drawRoom(session.view);
}

function drawOwn({ microphone, camera }: OwnSources): void {
  document.getElementById('microphone')?.setAttribute('aria-pressed', String(microphone.on));
  document.getElementById('camera')?.setAttribute('aria-pressed', String(camera.on));
}

function drawRoom(view: View): void {
  const room = document.getElementById('tiles');
  if (!room) return;
  const others = view.participants.filter(({ id }) => id !== view.you.participant);
  for (const [id, { figure, end }] of tiles) {
    if (others.some((other) => other.id === id) && room.contains(figure)) continue;
    end();
    figure.remove();
    tiles.delete(id);
  }
  for (const other of others) {
    const { figure } = tiles.get(other.id) ?? addTile(room, other);
    const words = [
      other.alias,
      other.open.microphone ? 'may be heard' : 'muted',
      view.speaking.includes(other.id) && 'speaking',
      other.hand && `hand ${other.hand.place}`,
      view.floor.speakers.some(({ participant }) => participant === other.id) && 'has the floor',
    ];
    const caption = figure.querySelector('figcaption');
    if (caption) caption.textContent = words.filter(Boolean).join(', ');
  }
}

function addTile(room: HTMLElement, { id }: Participant) {
  const figure = document.createElement('figure');
  const video = document.createElement('video');
  figure.dataset.participant = String(id);
  figure.append(video, document.createElement('figcaption'));
  room.append(figure);
  const end = session.show(video, {
    participant: id,
    source: 'camera',
    onShown: (shown) => (figure.dataset.shown = String(shown)),
  });
  const tile = { figure, end };
  tiles.set(id, tile);
  return tile;
}

function button(name: string, act: () => unknown, id = ''): HTMLButtonElement {
  const element = document.createElement('button');
  element.textContent = name;
  element.id = id;
  element.onclick = () => {
    find('message').textContent = '';
    Promise.resolve(act()).catch((error: unknown) => {
      find('message').textContent = error instanceof Refusal ? error.message : String(error);
    });
  };
  return element;
}

function list(lines: readonly string[]): HTMLElement {
  const element = document.createElement('ul');
  for (const line of lines) element.appendChild(document.createElement('li')).textContent = line;
  return element;
}

function find(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}
