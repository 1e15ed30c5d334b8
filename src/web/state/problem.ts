import { DisconnectReason } from 'livekit-client';
import { messageOf } from '../../errors.ts';
import { RequestError, type RequestProblem } from '../api/charla-api.ts';
import { format, type Messages } from '../i18n/messages.ts';
import type { Text } from './conversation.ts';

/** Why there is no call. */
export type Problem = RequestProblem | { kind: 'room'; reason: string } | { kind: 'lost' };

/** The problem behind something that was thrown. */
export function problemOf(error: unknown): Problem {
  if (error instanceof RequestError) return error.problem;
  return { kind: 'room', reason: messageOf(error) };
}

/** The problem as a sentence for the person. */
export function describeProblem(problem: Problem, messages: Messages): string {
  if (problem.kind === 'server') return describeFailure(problem.code, problem.detail, messages);
  return format(messages.problem[problem.kind], problem);
}

/**
 * An error of the server as a sentence for the person.
 *
 * @param code - of the catalogue, `src/errors.ts`
 * @param detail - the server's own sentence, English and for whoever runs it: shown where we have no words for the code
 */
export function describeFailure(code: string | undefined, detail: string, messages: Messages): string {
  const sentences: Readonly<Record<string, string>> = messages.failure;
  return code !== undefined && Object.hasOwn(sentences, code) ? (sentences[code] ?? detail) : detail;
}

/** The problem for the live log, which follows the language; of the server's errors its own sentence, which says more. */
export function problemText(problem: Problem): Text {
  if (problem.kind === 'server') return problem.detail;
  return (messages) => describeProblem(problem, messages);
}

/** How a call that was open came to its end. `lost`, `server` and `noAgent` are worth a new call. */
export type Ending = keyof Messages['ended'];

/** What LiveKit's reason means to the person. */
export function endingOf(reason: DisconnectReason | undefined): Ending {
  switch (reason) {
    case DisconnectReason.CLIENT_INITIATED:
      return 'you';
    case DisconnectReason.DUPLICATE_IDENTITY:
      return 'elsewhere';
    case DisconnectReason.PARTICIPANT_REMOVED:
    case DisconnectReason.ROOM_DELETED:
    case DisconnectReason.ROOM_CLOSED:
      return 'agent';
    case DisconnectReason.SERVER_SHUTDOWN:
      return 'server';
    default:
      return 'lost';
  }
}
