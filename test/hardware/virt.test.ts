/**
 * Goal: the core keeps within the figures of the ESP32-C3's instruction set, while it is a peer:
 * it meets a real TypeScript peer and exchanges messages with it.
 * Method: bare rv32imc on qemu-system-riscv32, whose counter counts instructions exactly; its UART
 * is a pty that the real bridge opens. Nothing is timed.
 */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { openssl } from '../../src/crypto/index.ts';
import { encodePairingCode, type PairingSecret } from '../../src/protocol/pairing-code.ts';
import { rounds } from '../support/counts.ts';
import { make } from './host-device.ts';
import { begin, bridged, post, until } from './scene.ts';

const VIRT = new URL('../../hardware/esp32-peer/virt/', import.meta.url).pathname;
/** As in virt/main.c, where everybody can read it. */
const SECRET = new TextEncoder().encode('known to anybody') as PairingSecret;
const KIB = 1024;

/** What must not be exceeded: instructions, or bytes. */
const LIMITS: Readonly<Record<string, number>> = {
  seal_64: 60_000,
  meeting: 25_000_000,
  stack: 6 * KIB,
  session: 8 * KIB,
  contact: 8 * KIB,
  flash: 100_000,
};

async function missing(): Promise<string | undefined> {
  const run = promisify(execFile);
  const packages = 'gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc make';
  for (const tool of ['riscv64-unknown-elf-gcc', 'qemu-system-riscv32', 'make', 'flock']) {
    const found = await run(tool, ['--version']).then(
      () => true,
      () => false,
    );
    if (!found) return `LEFT OUT for want of ${tool}: apt-get install ${packages}`;
  }
  if (existsSync(`${VIRT}build/mbedtls/library/psa_crypto.c`)) return undefined;
  return `LEFT OUT for want of mbedtls' source: ${VIRT}fetch-mbedtls.sh brings it`;
}

async function boot(t: Test): Promise<{ qemu: ChildProcessWithoutNullStreams; serial: string }> {
  const machine = ['-M', 'virt', '-m', '8M', '-bios', 'none', '-icount', 'shift=0'];
  const rest = ['-kernel', `${VIRT}build/virt.elf`, '-serial', 'pty'];
  const args = [...machine, ...rest, '-display', 'none', '-monitor', 'none'];
  const qemu = spawn('qemu-system-riscv32', args);
  t.teardown(() => qemu.kill('SIGKILL'));
  let said = '';
  for (const stream of [qemu.stdout, qemu.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  }
  await until('the machine has a UART', () => /\/dev\/\S+/.test(said));
  return { qemu, serial: /\/dev\/\S+/.exec(said)?.[0] ?? '' };
}

/** `figures NAME NUMBER NAME NUMBER …` */
function figuresIn(lines: readonly string[]): Record<string, number> {
  const found = lines.flatMap((line) => [...line.matchAll(/([a-z_0-9]+) (\d+)/g)]);
  return Object.fromEntries(found.map(([, name, number]) => [name, Number(number)]));
}

/** Code and constants of the whole image: core, crypto, C library and the machine's own. */
async function flashSize(): Promise<number> {
  const { stdout } = await promisify(execFile)('riscv64-unknown-elf-size', [
    '-A',
    `${VIRT}build/virt.elf`,
  ]);
  const sections = [...stdout.matchAll(/^\.(?:text|rodata|data)\s+(\d+)/gm)];
  return sections.reduce((sum, [, size]) => sum + Number(size), 0);
}

t.test('the core as a peer on rv32imc, counted', async (t) => {
  const lacking = await missing();
  if (lacking !== undefined) return t.comment(lacking);
  await make('virt');
  const scene = await begin(t);
  const { qemu, serial } = await boot(t);
  const { bridge, seen } = await bridged(t, serial, [scene.origin]);
  const says = (what: RegExp) => seen.filter((line) => what.test(line));
  await until('the line is up', () => bridge.isUp());
  const code = encodePairingCode(openssl, { secret: SECRET, address: undefined });
  const met = await post(scene.origin, '/send_keys', { to: 'virt', address: bridge.origin, code });
  t.match(met, { status: 200, body: { verified: true } });

  const texts = Array.from(
    { length: rounds({ reduced: 20, full: 500 }) },
    (_, index) => `message ${index} of a peer that counts what it does`,
  );
  for (const text of texts) await post(scene.origin, '/send_msg', { to: 'virt', text });
  await until(
    'all have come back',
    async () => {
      await post(scene.origin, '/decrypt_msg', {});
      return texts.every((text) => scene.printed.some((line) => line.includes(text)));
    },
    240_000,
  );
  const printed = scene.printed.filter((line) => line.includes('of a peer that counts'));
  t.equal(printed.length, texts.length, `${2 * texts.length} messages, each once`);

  await post(scene.origin, '/send_msg', { to: 'virt', text: 'figures' });
  await until('the figures are there', () => says(/figures session/).length > 0);
  t.match(seen.join('\n'), /random numbers and pairing code are known to everybody/);
  const figures = { ...figuresIn(says(/says: figures/)), flash: await flashSize() };
  t.comment('rv32imc, instructions and bytes', figures);
  for (const [name, limit] of Object.entries(LIMITS)) {
    const counted = figures[name as keyof typeof figures] ?? Number.NaN;
    t.ok(counted > 0 && counted <= limit, `${name}: ${counted} of at most ${limit}`);
  }
  t.equal((figures as Record<string, number>)['spread'], 0, 'X25519 costs the same for each key');
  t.equal(figuresIn(says(/figures messages/))['messages'], 2 * texts.length);

  await post(scene.origin, '/send_msg', { to: 'virt', text: 'off' });
  const [status] = qemu.exitCode === null ? await once(qemu, 'exit') : [qemu.exitCode];
  t.equal(status, 0, 'it ends by itself');
});
