/** Formats of recordings, as the API, the files and who delivers them name them. */
export const MEDIA_TYPES = { ogg: 'audio/ogg', wav: 'audio/wav' } as const;
