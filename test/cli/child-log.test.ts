import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createChildLog } from '../../src/cli/dev/child-log.ts';

describe('the log of the children', () => {
  const logged = (level: string, ...lines: string[]) => {
    let text = '';
    const log = createChildLog(level, (more) => {
      text += more;
    });
    for (const line of lines) log.line('serve', line);
    return stripVTControlCharacters(text);
  };

  it('shows JSON events as time, level, message and fields, with the name of the child', () => {
    const text = logged(
      'info',
      '{"level":30,"time":1700000000000,"pid":1,"hostname":"h","name":"serve","port":8000,"msg":"listening"}',
    );
    expect(text).toMatch(/^serve {5}│ \[\d\d:\d\d:\d\d\] INFO: listening \{"port":8000\}\n$/);
  });

  it("understands livekit-server's lines", () => {
    const text = logged(
      'info',
      '{"level":"warn","ts":1795261916.78,"logger":"livekit","caller":"a.go:1","msg":"no servers available","room":"r"}',
    );
    expect(text).toMatch(/^serve {5}│ \[\d\d:\d\d:\d\d\] WARN: no servers available \{"room":"r"\}\n$/);
  });

  it('leaves other lines as they are, and empty ones out', () => {
    expect(logged('info', 'plain words', '', '{not json')).toBe(
      'serve     │ plain words\nserve     │ {not json\n',
    );
  });

  it('leaves out what is below the level', () => {
    expect(logged('warn', '{"level":20,"msg":"a"}', '{"level":40,"msg":"b"}')).toMatch(
      /^serve {5}│ .*WARN: b\n$/,
    );
  });

  it('puts the name before every line of a stack', () => {
    const error = {
      level: 50,
      msg: 'failed',
      err: { type: 'Error', message: 'm', stack: 'Error: m\n    at f' },
    };
    for (const line of logged('info', JSON.stringify(error)).trimEnd().split('\n')) {
      expect(line).toMatch(/^serve {5}│ /);
    }
  });
});
