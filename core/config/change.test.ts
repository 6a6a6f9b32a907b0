import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Known } from './known.ts';
import { readPart } from './part.ts';
import type { Path } from './problems.ts';
import { type ConfigText, readListed } from './read.ts';
import { atOnce } from './steps.ts';
import { random, visit } from './testing.ts';
import { bytesOf } from './whole.ts';

/** Reads what a file of a configuration holds, at first and later. */
class Reader {
  readonly known = new Known();
  readonly #env: NodeJS.ProcessEnv;
  text = '';

  constructor(env: NodeJS.ProcessEnv = {}) {
    this.#env = env;
  }

  whole(known?: Known): ConfigText {
    const files = { listed: ['a.yaml'], unlisted: [] };
    return atOnce(readListed('.', files, this.#env, () => this.text, known));
  }

  part(): Promise<ConfigText | undefined> {
    return readPart({
      listed: ['a.yaml'],
      env: this.#env,
      known: this.known,
      look: (whole) => whole.look(() => Promise.resolve(bytesOf(this.text))),
      read: () => assert.fail('no other file is read'),
      readAll: () => Promise.resolve(this.whole(this.known)),
    });
  }
}

const base = `# what a team writes
groups:
  g: {}
apis: # all of them
  # the first

  g/a:
    x: 1
    text: |
      one

      two
  g/b: { x: 1, y: [b, "ü😀"] }
  "g/c":
    k: "\${env:NAME}"
  g/d: &d {}
  g/e: # with a note
  - x: foo
    y: >-
      folded
      text
  g/f: plain
    text
  g/g: *d
  g/h:
    z: 'q'
# behind
bindings:
  - { plugin: p, apis: ["*"] }
`;

const odd = `%YAML 1.2
--- # c
apis:
    __proto__: { a: 1 }
    constructor:
        text: |2+
            x

    g/s: &s scalar
    "10": !!map
        k: &k [v, 'it''s', "\\x41\\
          b"]
    "g/q":
    - 1
    2: { <<: { m: 1 }, n: 2 }
    g/t:	# tab
        x:	y
        z: >+

            folded


    g/u: [a: b, { c, d: }, [*k]]
    'g/v': |
     v
    g/w: { r: *s }
`;

const last = `listeners: []
apis:
 a: {}
 b:
  c: "\${env:NAME} and \${env:NO:-more}"
  d:
  - |
   text
 ${'k'.repeat(1022)}: 1
 e: |-
  end`;

const bases: readonly string[] = [
  base,
  base.replace('&d {}', '{}').replace('*d', '{}'),
  base.replace('&d {}', '{}').replace('*d', '{}').replaceAll('\n', '\r\n'),
  base.replace('&d {}', '{}').replace('*d', '{}').replaceAll('\n', '\r'),
  odd,
  odd.replaceAll('\n', '\r\n'),
  last,
];

/** One on each line; what JSON cannot write in a line is escaped. */
const pieces: readonly string[] =
  `
"\\n" "\\r\\n" "\\r" "  " " " "\\t" "#" "# c\\n" "  # c\\n" "    " "-" "- " ": " ":" "," "}" "{" "]" "'" "|" ">"
"|+\\n" "|1\\n" "&d " "&n " "*d" "!!str " "? " "<<: *d" "---\\n" "...\\n" "%YAML 1.2\\n" "\\"" "ü" "\\uFEFF" "\\u0000" "\\u2028"
"  g/n: {}\\n" "  g/a: {}\\n" "  g/n:\\n    x: 2\\n" "g/n: {}\\n" "apis:\\n" "more: {}\\n" "  - a\\n" "  ? g/q\\n"
"[" "|2+\\n" ">-\\n" "!!map " "!!null" "!" "*s" "&s " "<<: {}\\n" "    g/n: {}\\n" " a: 2\\n" " n:" "    __proto__: 1\\n" "? " ": x\\n"
"    y: 2\\n" "  \\"g/n\\": 5\\n" "  g/n: |\\n" "    # c\\n" "  g/n: \\"\\n" "  &k g/n: 1\\n" "\${env:NAME}" "\${file:s}"
`
    .match(/"(?:[^"\\]|\\.)*"/g)
    ?.map((piece) => String(JSON.parse(piece))) ?? [];

function changed(text: string, next: (below: number) => number): string {
  const lines = text.split(/(?<=\n)/);
  const kind = next(8);
  const line = next(lines.length);
  if (kind === 0) lines.splice(line, 1 + next(3));
  else if (kind === 1) lines.splice(line, 0, lines[next(lines.length)] ?? '');
  else if (kind === 2) lines.splice(line, 0, pieces[next(pieces.length)] ?? '');
  else if (kind === 3) lines[line] = (lines[line] ?? '').replace(/^ */, ' '.repeat(next(7)));
  else {
    const at = next(text.length + 1);
    const end = next(2) === 0 ? at : at + next(12);
    return text.slice(0, at) + (next(6) === 0 ? '' : (pieces[next(pieces.length)] ?? '')) + text.slice(end);
  }
  return lines.join('');
}

/** What each entry says, and where. */
function entriesOf({ root, locate }: ConfigText): Map<string, { said: string; line: number }> {
  const all = Object.entries((root['apis'] ?? {}) as Record<string, unknown>);
  return new Map(
    all.map(([name, said]) => [
      name,
      { said: JSON.stringify(said), line: locate.positionOf(['apis', name]).line },
    ]),
  );
}

/** Whether the entry cannot be read by itself; whoever asks for it has all read. */
function isMissed({ locate }: ConfigText, path: Path): boolean {
  try {
    locate.positionOf(path);
    return false;
  } catch (error) {
    assert.match(String(error), /this was not read/);
    return true;
  }
}

function assertSamePlaces(part: ConfigText, fresh: ConfigText, where: string): void {
  visit(fresh.root['apis'], ['apis'], (path) => {
    if (path.length === 1 || isMissed(part, path)) return;
    for (const options of [{}, { key: true }, { offset: 1 }])
      assert.deepEqual(
        part.locate.positionOf(path, options),
        fresh.locate.positionOf(path, options),
        `${path.join('.')}, ${where}`,
      );
    assert.equal(part.locate.isSecret(path), fresh.locate.isSecret(path), `${path.join('.')}, ${where}`);
  });
}

const seeds = Number(process.env['TAPGATE_SEEDS'] ?? 4000);

test('whatever is changed, what is read of it alone says what all of it says, where it says it', async () => {
  let alone = 0;
  for (let seed = 1; seed <= seeds; seed += 1) {
    const next = random(seed);
    const reader = new Reader({ NAME: 'n' });
    reader.text = bases[seed % bases.length] ?? '';
    let last = reader.whole(reader.known);
    let before = entriesOf(last);
    for (let step = 0; step < 4; step += 1) {
      // What comes from a disk is made of whole characters.
      const text = changed(reader.text, next).toWellFormed();
      reader.text = text;
      const where = `seed ${seed}, step ${step}: ${text}`;
      const fresh = reader.whole();
      const part = await reader.part();
      const now = entriesOf(fresh);
      if (part !== undefined) {
        alone += 1;
        assert.deepEqual(fresh.problems, [], where);
        assert.deepEqual(part.root, fresh.root, where);
        assert.deepEqual(part.hashes, fresh.hashes, where);
        assert.deepEqual(part.files, fresh.files, where);
        const { changes, moved } = part.reading ?? assert.fail(where);
        // Where nothing has changed nobody asks.
        if (moved?.length !== 0) assertSamePlaces(part, fresh, where);
        assert.equal(changes.since, last.reading?.id, where);
        assert.deepEqual(
          [...changes.names.keys()].filter((name) => name !== 'apis'),
          [],
          where,
        );
        for (const name of new Set([...before.keys(), ...now.keys()])) {
          if (changes.names.get('apis')?.has(name) === true) continue;
          const [was, is] = [before.get(name), now.get(name)];
          assert.equal(was?.said, is?.said, `${name}, ${where}`);
          const [change] = moved ?? [];
          const line = was?.line ?? 0;
          if (change === undefined || line < change.from) assert.equal(line, is?.line, `${name}, ${where}`);
          else if (line >= change.behind) assert.equal(line + change.by, is?.line, `${name}, ${where}`);
        }
        last = part;
      } else if (fresh.problems.length > 0) break;
      else last = reader.whole(reader.known);
      before = now;
    }
  }
  assert.ok(alone > seeds / 6, `${alone} were read alone`);
});
