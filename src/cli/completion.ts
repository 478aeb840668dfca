/** `sotto completion`: what a shell needs to finish command lines, from the commands themselves. */
import { type Command, defineCommand, type Row, rowsOf, usageError } from './command.ts';

/** @param commands all there are, `completion` itself among them by the time it runs. */
export function completionOf(commands: () => readonly Command[]): Command {
  return defineCommand({
    name: 'completion',
    summary: 'Print what makes a shell complete command lines',
    usage: ['bash | zsh | fish'],
    details:
      'Needs no peer. For good: put the line of the example into the start-up file of the shell.',
    examples: [
      'source <(sotto completion bash)   # ~/.bashrc',
      'source <(sotto completion zsh)    # ~/.zshrc, after compinit',
      'sotto completion fish > ~/.config/fish/completions/sotto.fish',
    ],
    verbs: ['bash', 'zsh', 'fish'],
    positionalsMax: 1,
    options: {},
    run: async ({ positionals: [shell = ''] }) => {
      const write = SHELLS[shell];
      if (write === undefined) throw usageError('completion', 'Which shell: bash, zsh or fish?');
      const text = write(commands().map(toShape));
      return { data: { shell, script: text }, text };
    },
  });
}

/** A command as a shell sees it. */
interface Shape {
  readonly name: string;
  readonly summary: string;
  readonly verbs: readonly string[];
  readonly flags: readonly Flag[];
}

interface Flag {
  /** With its dashes. */
  readonly name: string;
  /** What its value looks like; undefined for a switch. */
  readonly takes: string | undefined;
  readonly about: string;
}

function toShape(command: Command): Shape {
  const { name, summary, verbs = [] } = command;
  return { name, summary, verbs, flags: rowsOf(command).map(toFlag) };
}

function toFlag([flag, about]: Row): Flag {
  const [name = '', takes] = flag.split(' ', 2);
  return { name, takes, about };
}

const isPath = ({ takes }: Flag) => takes === 'FILE' || takes === 'DIR';

const SHELLS: Readonly<Record<string, (shapes: readonly Shape[]) => string>> = {
  bash: (shapes) => `# sotto, for bash: source <(sotto completion bash)
_sotto() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} words=
  COMPREPLY=()
  if [ "$COMP_CWORD" = 1 ]; then
    words='${shapes.map(({ name }) => name).join(' ')} --help'
  else
    case "\${COMP_WORDS[1]} $previous" in
${valued(shapes)
  .map(([command, flag]) => `      '${command} ${flag}') return ;;`)
  .join('\n')}
    esac
    case "\${COMP_WORDS[1]}" in
${shapes
  .map(({ name, verbs, flags }) => {
    const words = [...verbs, ...flags.map(({ name }) => name)].join(' ');
    return `      ${name}) words='${words}' ;;`;
  })
  .join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _sotto sotto`,

  zsh: (shapes) => `#compdef sotto
# sotto, for zsh: source <(sotto completion zsh)
_sotto() {
  local -a commands
  commands=(
${shapes.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`).join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  shift words
  (( CURRENT -= 1 ))
  case $words[1] in
${shapes
  .map(({ name, verbs, flags }) => {
    const rest =
      verbs.length === 0 ? "'*:file:_files'" : `'1:verb:(${verbs.join(' ')})' '*:file:_files'`;
    return `    ${name}) _arguments ${flags.map(zshFlag).join(' ')} ${rest} ;;`;
  })
  .join('\n')}
  esac
}
if [ "$funcstack[1]" = _sotto ]; then _sotto "$@"; else compdef _sotto sotto; fi`,

  fish: (shapes) =>
    [
      '# sotto, for fish: sotto completion fish > ~/.config/fish/completions/sotto.fish',
      ...shapes.flatMap(({ name, summary, verbs, flags }) => [
        `complete -c sotto -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary)}`,
        ...(verbs.length === 0
          ? []
          : [`complete -c sotto -n '__fish_seen_subcommand_from ${name}' -a '${verbs.join(' ')}'`]),
        ...flags.map(
          (flag) => `complete -c sotto -n '__fish_seen_subcommand_from ${name}' ${fishFlag(flag)}`,
        ),
      ]),
    ].join('\n'),
};

/** Pairs of command and flag after which a value stands: a file's name, or what nobody can guess. */
function valued(shapes: readonly Shape[]): readonly (readonly [string, string])[] {
  return shapes.flatMap(({ name, flags }) =>
    flags.filter(({ takes }) => takes !== undefined).map((flag) => [name, flag.name] as const),
  );
}

function zshFlag(flag: Flag): string {
  const about = flag.about.replace(/[[\]:\\]/g, '\\$&');
  const value = flag.takes === undefined ? '' : `:${flag.takes}:${isPath(flag) ? '_files' : ''}`;
  return quoted(`*${flag.name}[${about}]${value}`);
}

function fishFlag(flag: Flag): string {
  const value = flag.takes === undefined ? '' : isPath(flag) ? ' -r -F' : ' -x';
  return `-l ${flag.name.slice(2)}${value} -d ${quoted(flag.about)}`;
}

/** One word for any shell of these three. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
