/**
 * Runs a file of ours on a Node that is new enough. Plain JavaScript that older ones understand,
 * because they would stop at the first TypeScript file: either this Node will do, or the one that
 * `npm ci` has brought along takes over, or one sentence says what is missing.
 */
import { spawn } from 'node:child_process';
import { existsSync, fstatSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const NODE_MIN = 24;
const BROUGHT_ALONG = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));

/** Calls `run` with the module at `entry`, here or in a newer Node by way of `argv`. */
export async function launch(entry, run) {
  if (Number(process.versions.node.split('.')[0]) >= NODE_MIN) return await start(entry, run);
  if (existsSync(BROUGHT_ALONG)) return await handOver();
  const here = `Sotto needs Node ${NODE_MIN} or newer, and this is ${process.versions.node}.`;
  const next =
    'In a clone `npm ci` brings one along; otherwise install it from https://nodejs.org.';
  stop('node_too_old', `${here} ${next}`);
}

async function start(entry, run) {
  try {
    const module = await import(entry);
    if (run) await run(module);
  } catch (error) {
    const isPackage = error.code === 'ERR_MODULE_NOT_FOUND' && /package '/.test(error.message);
    if (!isPackage) throw error;
    stop('not_installed', 'The packages that Sotto uses are not installed. Run `npm ci` first.');
  }
}

/** The same command line in a child; its end is ours. */
async function handOver() {
  const child = spawn(BROUGHT_ALONG, process.argv.slice(1), { stdio: descriptors() });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to both of us: once is enough.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  process.exitCode = await new Promise((resolve) => {
    child.on('error', (error) => {
      console.error(`sotto: ${BROUGHT_ALONG} does not start: ${error.message}`);
      resolve(1);
    });
    // As a shell tells who was ended by a signal.
    child.on('exit', (code, signal) =>
      resolve(code === null ? 128 + constants.signals[signal] : code),
    );
  });
}

/** A child gets no descriptor but those that are named to it: the one of `--passphrase-fd`, too. */
function descriptors() {
  const told = process.argv.join('\n').match(/^--passphrase-fd[=\n](\d{1,3})$/m);
  const stdio = ['inherit', 'inherit', 'inherit'];
  if (told !== null && Number(told[1]) > 2 && isOpen(Number(told[1]))) {
    while (stdio.length < Number(told[1])) stdio.push('ignore');
    stdio.push(Number(told[1]));
  }
  return stdio;
}

function isOpen(descriptor) {
  try {
    fstatSync(descriptor);
    return true;
  } catch {
    return false; // The command says so, in its own words.
  }
}

/** As `fail` of src/cli/index.ts does, which cannot be loaded here. */
function stop(code, sentence) {
  const end = process.argv.indexOf('--');
  const options = process.argv.slice(2, end === -1 ? undefined : end);
  if (options.includes('--json')) console.log(JSON.stringify({ error: sentence, code }));
  console.error(`sotto: ${sentence} (${code})`);
  process.exitCode = 1;
}
