/** A Mosquitto of a test's own, from Debian's package, and what somebody sees who listens there. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectAsync } from 'mqtt';
import type { Test } from 'tap';
import { freePort } from './free-ports.ts';
import { until } from './peer-process.ts';

const PROGRAM = '/usr/sbin/mosquitto';
const FIXTURES = fileURLToPath(new URL('../../bench/fixtures/', import.meta.url));
/** Who vouches for its certificate. */
export const AUTHORITY = join(FIXTURES, 'ca.pem');
export const USER = 'clinic';
const PASSWORD = 'brokerword-xyz';

export const hasMosquitto = () => existsSync(PROGRAM);

export class Mosquitto {
  readonly folder = mkdtempSync(join(tmpdir(), 'sotto-mqtt-'));
  readonly passwordFile = join(this.folder, 'password');
  readonly wrongFile = join(this.folder, 'wrong');
  readonly port: number;
  readonly tlsPort: number;
  #process: ChildProcess | undefined;

  private constructor(port: number, tlsPort: number) {
    this.port = port;
    this.tlsPort = tlsPort;
  }

  static async start(t: Test): Promise<Mosquitto> {
    const broker = new Mosquitto(await freePort(), await freePort());
    const { folder, port, tlsPort } = broker;
    t.teardown(async () => {
      await broker.stop();
      rmSync(folder, { recursive: true, force: true });
    });
    writeFileSync(broker.passwordFile, `${PASSWORD}\n`);
    writeFileSync(broker.wrongFile, 'something else\n');
    const users = join(folder, 'users');
    execFileSync('mosquitto_passwd', ['-b', '-c', users, USER, PASSWORD], { stdio: 'pipe' });
    const lines = [
      'user root',
      'allow_anonymous false',
      `password_file ${users}`,
      'persistence false',
      `listener ${port} 127.0.0.1`,
      `listener ${tlsPort} 127.0.0.1`,
      `certfile ${join(FIXTURES, 'server.pem')}`,
      `keyfile ${join(FIXTURES, 'server.key')}`,
    ];
    writeFileSync(join(folder, 'mosquitto.conf'), `${lines.join('\n')}\n`);
    await broker.start();
    return broker;
  }

  async start(): Promise<void> {
    const child = spawn(PROGRAM, ['-c', join(this.folder, 'mosquitto.conf')], { stdio: 'pipe' });
    this.#process = child;
    let words = '';
    child.stderr.on('data', (chunk) => {
      words += chunk;
    });
    await until('the broker runs', () => {
      if (child.exitCode !== null) throw new Error(words);
      return / running/.test(words) ? true : undefined;
    });
  }

  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Everything that is told from now on, and what was retained. */
  async listen(t: Test): Promise<Heard> {
    const login = { username: USER, password: PASSWORD };
    const client = await connectAsync(`mqtt://127.0.0.1:${this.port}`, login);
    t.teardown(() => void client.end(true));
    const heard = new Heard();
    client.on('message', (topic, payload, { retain }) => {
      heard.messages.push({ topic, text: payload.toString(), retain });
    });
    await client.subscribeAsync('#', { qos: 1 });
    return heard;
  }
}

interface Message {
  readonly topic: string;
  readonly text: string;
  /** It was told before. */
  readonly retain: boolean;
}

export class Heard {
  readonly messages: Message[] = [];

  /** The newest of a topic that says so, now or later. */
  next(topic: RegExp, says = /./): Promise<Message> {
    return until(`${topic} says ${says}`, () =>
      this.messages.findLast((each) => topic.test(each.topic) && says.test(each.text)),
    );
  }
}
