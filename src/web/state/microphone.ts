import { type LocalParticipant, MediaDeviceFailure } from 'livekit-client';
import type { Messages } from '../i18n/messages.ts';

/** Why there is no microphone. */
export type MicrophoneFailure = keyof Messages['microphone'];
export type Microphone = 'off' | 'asking' | 'on' | 'muted' | MicrophoneFailure;

/** Opens or mutes the microphone, with the browser's echo cancellation and noise suppression. Never throws. */
export async function setMicrophone(participant: LocalParticipant, on: boolean): Promise<Microphone> {
  if (on && !globalThis.isSecureContext && navigator.mediaDevices === undefined) return 'insecure';
  try {
    await participant.setMicrophoneEnabled(on, {
      echoCancellation: true,
      noiseSuppression: true,
      autoGainControl: true,
    });
    return on ? 'on' : 'muted';
  } catch (error) {
    return FAILURES[MediaDeviceFailure.getFailure(error) ?? MediaDeviceFailure.Other];
  }
}

/** Whether there is no microphone to mute or to open, and the person has to be told why. */
export function isMicrophoneFailure(microphone: Microphone): microphone is MicrophoneFailure {
  return microphone in FAILURE_NAMES;
}

const FAILURES: Readonly<Record<MediaDeviceFailure, MicrophoneFailure>> = {
  [MediaDeviceFailure.PermissionDenied]: 'denied',
  [MediaDeviceFailure.NotFound]: 'missing',
  [MediaDeviceFailure.DeviceInUse]: 'busy',
  [MediaDeviceFailure.Other]: 'unknown',
};

const FAILURE_NAMES: Readonly<Record<MicrophoneFailure, true>> = {
  denied: true,
  missing: true,
  busy: true,
  insecure: true,
  unknown: true,
};
