/** What runs in a worker thread, so that pixels never hold up the event loop; see pool.ts. */
import { StegoError } from './errors.ts';
import {
  type Capacity,
  type Hidden,
  type HideOptions,
  hide,
  measureCapacity,
  type Revealed,
  revealWithAny,
} from './message.ts';

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
  | {
      readonly verb: 'capacity';
      readonly coverPng: Uint8Array;
      readonly payloadSize: number | undefined;
      readonly options: HideOptions;
    };

/** Errors lose their class between threads, so a refusal travels as data. */
export type Answer =
  | { readonly value: Hidden | Revealed | Capacity }
  | { readonly failure: StegoError['failure']; readonly message: string };

export default async function run(task: Task): Promise<Answer> {
  try {
    return { value: await perform(task) };
  } catch (error) {
    if (error instanceof StegoError) return { failure: error.failure, message: error.message };
    throw error;
  }
}

async function perform(task: Task): Promise<Hidden | Revealed | Capacity> {
  const options = { ...task.options, ...progressTo(task.progress) };
  switch (task.verb) {
    case 'hide':
      return hide(task.coverPng, task.payload, task.key, options);
    case 'reveal':
      return revealWithAny(task.stegoPng, task.keys, options);
    case 'capacity':
      return measureCapacity(task.coverPng, task.payloadSize, task.options);
  }
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
