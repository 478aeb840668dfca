/** The log for a person at a terminal; a program gets its lines as they are. */

export interface LogLine {
  readonly level: string;
  readonly time: string;
  /** What happened, and its facts. Nothing in it can steer a terminal. */
  readonly words: string;
}

/** Undefined: it is no line of the log. */
export function readLogLine(line: string): LogLine | undefined {
  const read = parsed(line);
  if (read === undefined) return undefined;
  const { level, time, msg, ...fields } = read;
  const facts = Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`);
  const words = [msg, ...facts].join(' ').replace(/\p{C}/gu, '\ufffd');
  return { level: String(level), time: String(time), words };
}

function parsed(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
