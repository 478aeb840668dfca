/** What runs in a worker thread, so that pixels never hold up the event loop; see pool.ts. */
import { release } from '../bytes.ts';
import { StegoError } from './errors.ts';
import {
  type Capacity,
  capacityOfDecoded,
  type Hidden,
  type HideOptions,
  hideDecoded,
  type Look,
  lookAtDecoded,
  type Revealed,
  revealDecoded,
} from './message.ts';
import { decodePng, type PngFile } from './png.ts';

export type Task = Work & { readonly progress?: SharedArrayBuffer | undefined };

type Work =
  | {
      readonly verb: 'hide';
      readonly coverPng: Uint8Array;
      readonly payload: Uint8Array;
      readonly key: Uint8Array;
      readonly options: HideOptions;
    }
  | {
      readonly verb: 'reveal';
      readonly stegoPng: Uint8Array;
      readonly keys: readonly Uint8Array[];
      readonly options: HideOptions;
    }
  | { readonly verb: 'look'; readonly png: Uint8Array }
  | {
      readonly verb: 'capacity';
      readonly coverPng: Uint8Array;
      readonly wanted: number | 'quiet' | undefined;
      readonly options: HideOptions;
    };

type Value = Hidden | Revealed | Capacity | Look;

/** Errors lose their class between threads, so a refusal travels as data. */
export type Answer =
  | { readonly value: Value }
  | { readonly failure: StegoError['failure']; readonly message: string };

export default async function run(task: Task): Promise<Answer> {
  try {
    return { value: await perform(task) };
  } catch (error) {
    if (error instanceof StegoError) return { failure: error.failure, message: error.message };
    throw error;
  }
}

async function perform(task: Task): Promise<Value> {
  const progress = progressTo(task.progress);
  switch (task.verb) {
    case 'hide':
      return hideDecoded(decoded(task.coverPng, task.options), task.payload, task.key, {
        ...{ ...task.options, ...progress },
      });
    case 'reveal':
      return revealDecoded(decoded(task.stegoPng, task.options), task.keys, {
        ...{ ...task.options, ...progress },
      });
    case 'look':
      return lookAtDecoded(decoded(task.png));
    case 'capacity':
      return capacityOfDecoded(decoded(task.coverPng, task.options), task.wanted, {
        ...task.options,
        ...progress,
      });
  }
}

/** The file is this thread's own copy, and may be as large as its samples: it goes at once. */
function decoded(png: Uint8Array, { samplesMax }: HideOptions = {}): PngFile {
  const file = decodePng(png, samplesMax);
  release(png);
  return file;
}

/** A share of the work in memory that both threads see: the other one looks when it likes. */
function progressTo(memory: SharedArrayBuffer | undefined) {
  if (memory === undefined) return {};
  const cell = new Float64Array(memory);
  return {
    onProgress: (share: number) => {
      cell[0] = share;
    },
  };
}
