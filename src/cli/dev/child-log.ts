import pc from 'picocolors';
import PinoPretty from 'pino-pretty';
import { redact } from '../../telemetry/redact.ts';

const COLOURS = [pc.cyan, pc.magenta, pc.green, pc.yellow, pc.blue];
const NAME_WIDTH = 9;

/**
 * Makes what the children write readable: their JSON lines become `time LEVEL message fields`, other lines stay as
 * they are, and each has the child's name before it in a colour of its own.
 *
 * @param level - JSON lines below this pino level are left out
 */
export function createChildLog(level: string, write: (text: string) => void) {
  const common = {
    colorize: pc.isColorSupported,
    minimumLevel: level as PinoPretty.PrettyOptions['minimumLevel'] & string,
    ignore: 'pid,hostname,name,caller,logger',
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss',
  };
  const pretty = PinoPretty.prettyFactory(common);
  const prettyZap = PinoPretty.prettyFactory({ ...common, timestampKey: 'ts' });
  const names: string[] = [];

  const prefixed = (name: string, text: string): void => {
    if (!names.includes(name)) names.push(name);
    const colour = COLOURS[names.indexOf(name) % COLOURS.length] ?? pc.cyan;
    const prefix = `${colour(name.padEnd(NAME_WIDTH))} ${pc.dim('│')} `;
    write(`${text.trimEnd().replace(/^/gm, prefix)}\n`);
  };

  return {
    /** A line that the child wrote; livekit-server's, too, is shown without secrets and people's data. */
    line(name: string, written: string): void {
      if (written.trim() === '') return;
      const line = redact(written);
      const event = parseEvent(line);
      if (event === undefined) {
        prefixed(name, line);
        return;
      }
      // livekit-server writes zap's lines: time as `ts`, in seconds.
      const text =
        typeof event.ts === 'number' ? prettyZap({ ...event, ts: event.ts * 1000 }) : pretty(event);
      if (text) prefixed(name, text);
    },
    /** The supervisor's own word about a child. */
    note(name: string, text: string): void {
      prefixed(name, pc.bold(text));
    },
  };
}

function parseEvent(line: string): (Record<string, unknown> & { ts?: unknown }) | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
