/** What a person can do next, for who calls routes. The same for who types commands: src/cli/. */
import { type Advice, inWords, type StepWords } from '../next-step.ts';

const sendKeys = (fields: object) =>
  Object.keys(fields).length === 0 ? 'POST /send_keys' : `POST /send_keys ${json(fields)}`;

const ROUTES: StepWords = {
  pair_first: () => 'POST /send_keys with {"to": NAME, "address": "http://HOST:PORT"}',
  list_contacts: () => 'GET /show lists them; a new one needs an address in POST /send_keys',
  name_contact: () => 'say to whom with "to"',
  give_other_address: () =>
    'give the address of the other one, which its GET /show and its page tell',
  meet: ({ to, again }) =>
    again === true
      ? `${sendKeys({ ...(to !== undefined && { to }), again })} on both sides`
      : `POST /send_keys here and ${to === undefined ? 'there' : `at ${to}`}, then try again`,
  meet_here: () => 'POST /send_keys again',
  await_contact: ({ to, again }) =>
    `keys are sent: now ${to} has to ${sendKeys({ ...(again === true && { again }) })} on its side`,
  start_contact: ({ to }) => `start ${to}, or correct its address, then POST /send_keys again`,
  compare: ({ to, code }) => {
    const what = to === undefined ? 'compare the code' : `compare the code with ${to}`;
    return `${what}, then POST /verify${code === undefined ? '' : ` ${json({ to, code })}`}`;
  },
  compare_first: () =>
    'compare the six digits on both sides, POST /verify, then send again; or start with --trust tofu',
  compare_present_code: () => 'compare the code that GET /show gives now',
  see_address: () => 'see that it runs and that its address in GET /show is right, then try again',
  ask_contact: () => 'its GET /show tells why; often both sides have to POST /send_keys once more',
  forget_contact: ({ to }) =>
    `if that is right, DELETE /contacts/${encodeURIComponent(to)} and pair anew`,
  list_messages: () => 'GET /messages lists them',
  open_messages: () => 'nothing is lost: POST /decrypt_msg shows it if nobody has opened it yet',
  list_covers: () => 'GET /covers lists them',
  measure_cover: () => 'take a larger picture; POST /pictures/capacity measures one',
  take_other_cover: () =>
    'two pictures made of one cover betray both: take another, or "force": true',
  carry_by_hand: ({ to }) => {
    const byHand = 'ask for the picture itself ("answer": "file") and carry it by hand';
    return to === undefined ? byHand : `${byHand}, or POST /send_keys again if ${to} was updated`;
  },
  give_passphrase: () =>
    'give the present one as "current", or none if a key file opens the data; nothing was changed',
};

export function inRoutes(advice: Advice): string {
  return inWords(advice, ROUTES);
}

/** As people write it: with a space behind each colon and comma. */
function json(fields: object): string {
  const pairs = Object.entries(fields).map(
    ([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`,
  );
  return `{${pairs.join(', ')}}`;
}
