import { expect, test } from 'vitest';
import { dialled, clock, heldWords, initial, isBeyond, listed, placeWords, span } from '../src/words';

test('a_span_is_told_in_minutes_and_never_in_seconds', () => {
  expect(span(0)).toBe('under a minute');
  expect(span(29_000)).toBe('under a minute');
  expect(span(61_000)).toBe('1 minute');
  expect(span(26 * 60_000)).toBe('26 minutes');
  expect(span(60 * 60_000)).toBe('1 hour');
  expect(span(125 * 60_000)).toBe('2 hours 5 minutes');
});

test('a_countdown_ends_at_nothing_and_not_below', () => {
  expect(clock(125_000)).toBe('2:05');
  expect(clock(400)).toBe('0:01');
  expect(clock(-3_000)).toBe('0:00');
});

test('the_initial_is_the_first_letter_as_people_read_it', () => {
  expect(initial('robin')).toBe('R');
  expect(initial('  éva')).toBe('É');
  expect(initial('👩‍🚀 Sam')).toBe('👩‍🚀');
  expect(initial('')).toBe('');
  expect(initial('e\u0301va')).toBe('E\u0301');
  expect(initial('Jo')).toBe('J');
});

test('the_first_in_line_is_next', () => {
  expect(placeWords(1)).toBe('You are next');
  expect(placeWords(3)).toBe('You are number 3');
});

test('who_is_held_closed_reads_why_and_is_not_blamed', () => {
  expect(heldWords('floor', 'microphone', 'round')).toContain('your turn');
  expect(heldWords('facilitator', 'microphone', 'open')).toContain('you decide');
});

test('names_are_listed_as_people_say_them', () => {
  expect(listed([])).toBe('');
  expect(listed(['Ann'])).toBe('Ann');
  expect(listed(['Ann', 'Ben'])).toBe('Ann and Ben');
  expect(listed(['Ann', 'Ben', 'Cleo'])).toBe('Ann, Ben and Cleo');
});

test('a_level_is_beyond_the_ceiling_only_where_it_is_more', () => {
  expect(isBeyond('video', 'voice')).toBe(true);
  expect(isBeyond('voice', 'voice')).toBe(false);
  expect(isBeyond('listen', 'text')).toBe(false);
});

test('a number to call can be touched, and nothing else', () => {
  expect(dialled('988 (call or text, day and night)')).toEqual([
    { text: '988', tel: '988' },
    { text: ' (call or text, day and night)' },
  ]);
  expect(dialled('Call +49 800 111-0111 or 112, 24/7.').flatMap(({ tel }) => tel ?? [])).toEqual([
    '+498001110111',
    '112',
  ]);
  expect(dialled('')).toEqual([]);
});
