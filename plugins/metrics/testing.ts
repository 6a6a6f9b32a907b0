import assert from 'node:assert/strict';
import type { TestGateway } from '#sdk/testing';

/** One line of a scrape that is no comment. */
interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A scrape, read by the format's definition and nothing of what wrote it. */
export class Scrape {
  readonly text: string;
  readonly series: readonly Series[];
  readonly types = new Map<string, string>();

  constructor(text: string) {
    this.text = text;
    assert.ok(text.endsWith('\n'), 'the last line ends');
    const series: Series[] = [];
    for (const line of text.split('\n')) {
      const [, name, type] = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line) ?? [];
      if (name !== undefined && type !== undefined) {
        assert.ok(!this.types.has(name), `two families ${name}`);
        this.types.set(name, type);
      } else if (line !== '' && !line.startsWith('# HELP ')) series.push(seriesOf(line));
    }
    this.series = series;
    const keys = series.map(({ name, labels }) => JSON.stringify([name, Object.entries(labels)]));
    assert.equal(new Set(keys).size, keys.length, 'a series is told twice');
    for (const { name } of series) {
      const family = name.replace(/_(?:bucket|sum|count)$/, '');
      assert.ok(this.types.has(name) || this.types.has(family), `${name} has no type`);
    }
  }

  /** The one series of the name that has these labels among its own; undefined when there is none. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const found = this.all(name, labels);
    assert.ok(found.length <= 1, `${found.length} series ${name}`);
    return found[0]?.value;
  }

  all(name: string, labels: Readonly<Record<string, string>> = {}): readonly Series[] {
    return this.series.filter(
      (each) =>
        each.name === name && Object.entries(labels).every(([key, value]) => each.labels[key] === value),
    );
  }

  total(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return this.all(name, labels).reduce((total, { value }) => total + value, 0);
  }
}

function seriesOf(line: string): Series {
  const [, name = '', list = '', number = ''] =
    /^([a-zA-Z_:][\w:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? (\S+)$/.exec(line) ??
    assert.fail(`no series: ${line}`);
  const labels: Record<string, string> = {};
  const rest = list.replaceAll(
    /([a-zA-Z_]\w*)="((?:[^"\\]|\\["\\n])*)",?/g,
    (_all, key: string, text: string) => {
      assert.ok(!Object.hasOwn(labels, key), `two labels ${key} in ${line}`);
      labels[key] = text.replaceAll(/\\(.)/g, (_escape, each: string) => (each === 'n' ? '\n' : each));
      return '';
    },
  );
  assert.equal(rest, '', `labels of ${line}`);
  const value = number === '+Inf' ? Infinity : Number(number);
  // Readers take it in any case; it is what nothing was measured of.
  assert.ok(!Number.isNaN(value) || /^nan$/i.test(number), `value of ${line}`);
  return { name, labels, value };
}

export async function scrape(gateway: TestGateway, path = '/metrics'): Promise<Scrape> {
  const { status = 200, contentType, body } = await gateway.manage(path);
  assert.deepEqual([status, contentType], [200, 'text/plain; version=0.0.4; charset=utf-8']);
  return new Scrape(body);
}
