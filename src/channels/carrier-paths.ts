/*
 * Where carriers reach us, under PUBLIC_URL. Apart from what answers there: the routes are known without a carrier's SDK.
 */

export const TWILIO_PATHS = {
  incomingCall: '/api/v1/twilio/incoming-call',
  status: '/api/v1/twilio/status',
  mediaStream: '/api/v1/twilio/media-stream',
} as const;

export const TELNYX_PATHS = {
  callControl: '/api/v1/telnyx/call-control',
  mediaStream: '/api/v1/telnyx/media-stream',
} as const;
