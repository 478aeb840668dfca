/** Which profile hides a payload of some size: by what their forecasts say, and by time. */
import { forecast_dB, type OnProgress, part } from './engine.ts';
import { carryingPlanes, type Picture } from './picture.ts';
import type { ProfileChoice, ProfileName } from './profile.ts';

/**
 * `max` takes about 5 µs a sample: up to so many samples it is done within a few seconds. With 16
 * bits up to eight shifts are tried, each as long.
 */
const SAMPLES_FOR_MAX = { 8: 512 * 1024, 16: 64 * 1024 } as const;
/** What `max` has to promise for its time; about as much as forecasts differ from what comes. */
const WORTH_ITS_TIME_dB = 0.1;
/** What share of the time of both forecasts that of `fast` takes. */
const TIME_OF_FAST = 0.25;

/** What may be chosen, whatever is to be hidden. */
export function eligible(choice: ProfileChoice, picture: Picture): readonly ProfileName[] {
  if (choice !== 'auto') return [choice];
  const samples = picture.width * picture.height * carryingPlanes(picture).length;
  return samples <= SAMPLES_FOR_MAX[picture.depth] ? ['fast', 'max'] : ['fast'];
}

export interface Ranked {
  readonly name: ProfileName;
  /** Undefined if it seems not to fit. */
  readonly psnr_dB: number | undefined;
}

/** Of `fast` and `max`, if both are given, the better one first; what seems not to fit last. */
export function rank(
  picture: Picture,
  payloadSize: number,
  names: readonly ProfileName[],
  onProgress?: OnProgress,
): readonly Ranked[] {
  const forecasts = names.map((name) => {
    const [from, to] = name === 'max' ? [TIME_OF_FAST, 1] : [0, TIME_OF_FAST];
    const told = names.length > 1 ? part(onProgress, from, to) : onProgress;
    return { name, psnr_dB: forecast_dB(picture, payloadSize, name, told) };
  });
  return forecasts.sort((a, b) => worthOf(b) - worthOf(a));
}

/** Whatever fits has more than 0 dB. */
function worthOf({ name, psnr_dB = 0 }: Ranked): number {
  return name === 'max' ? psnr_dB - WORTH_ITS_TIME_dB : psnr_dB;
}
