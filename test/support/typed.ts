/** The command on a terminal of its own, with somebody at it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Each of `answers` is typed once, when its question appears; questions in the order of asking.
 * Returns all that was to be seen, and how it ended.
 */
export async function typed(
  args: readonly string[],
  answers: readonly (readonly [string, string])[],
) {
  const call = [process.execPath, 'scripts/sotto.mjs', ...args];
  const quoted = call.map((word) => `'${word}'`).join(' ');
  // In place of the shell: one that waits would end at the Ctrl-C too, and script tell its end.
  const child = spawn('script', ['-qec', `exec ${quoted}`, '/dev/null']);
  // What has ended takes no answer any more; how it ended tells the rest.
  child.stdin.on('error', () => undefined);
  const left = [...answers];
  let seen = '';
  let read = 0;
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    seen += chunk;
    for (let [next] = left; next !== undefined; [next] = left) {
      const [question, answer] = next;
      const at = seen.indexOf(question, read);
      if (at === -1) return;
      read = at + question.length;
      left.shift();
      child.stdin.write(answer);
    }
  });
  const [code] = await once(child, 'close');
  return { seen, code };
}
