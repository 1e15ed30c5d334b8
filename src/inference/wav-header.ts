const HEADER_BYTES = 44;
/** Players take this as «until the end»: the length of a stream is not known when it begins. */
const UNKNOWN = 0xff_ff_ff_ff;

/** The 44 bytes before 16-bit mono PCM in a WAV file whose length is not known yet. */
export function wavHeader(sampleRate: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('RIFF', 0, 'ascii');
  header.writeUInt32LE(UNKNOWN, 4);
  header.write('WAVEfmt ', 8, 'ascii');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(sampleRate * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'ascii');
  header.writeUInt32LE(UNKNOWN, 40);
  return header;
}
