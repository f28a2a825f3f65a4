import type { SegmentSettings } from './generated/protocol';
import { Refusal } from './refusal';
import type { Ask } from './requests';

/** The parts of the meeting, and the format that they come from. */
export interface Agenda {
  /** By its place in the agenda, from 0. Opens no gate that another rule closed. */
  step(segment: number): Promise<void>;
  /** What is left out stays as it is. */
  override(settings: SegmentSettings): Promise<void>;
  /** By one of the names in `desk.formats`. */
  changeFormat(name: string): Promise<void>;
  /** TOML. A refusal says where it cannot be read. */
  importFormat(toml: string): Promise<void>;
  exportFormat(): Promise<string>;
}

export function agenda(ask: Ask): Agenda {
  return {
    step: async (segment) => void (await ask({ type: 'step_to', segment })),
    override: async (settings) => void (await ask({ type: 'override', settings })),
    changeFormat: async (format) => void (await ask({ type: 'change_format', format })),
    importFormat: async (toml) => void (await ask({ type: 'import_format', toml })),
    exportFormat: async () => {
      const outcome = await ask({ type: 'export_format' });
      if (outcome?.type !== 'format') throw new Refusal('not_possible', 'There is no format to take along.');
      return outcome.toml;
    },
  };
}
