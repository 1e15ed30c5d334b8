import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type DigitSettings, PressedKeys } from '../../../src/agent/phone/pressed-keys.ts';

let entries: string[];
let firsts: number;
let isSpeaking: boolean;
let keys: PressedKeys;

beforeEach(() => {
  vi.useFakeTimers();
  entries = [];
  firsts = 0;
  isSpeaking = false;
});
afterEach(() => {
  keys.close();
  vi.useRealTimers();
});

function withSettings(settings: Partial<DigitSettings> = {}): void {
  keys = new PressedKeys({
    settings: () => ({ max: 32, timeout_ms: 2_500, end: '#', ...settings }),
    isSpeaking: () => isSpeaking,
    onFirst: () => {
      firsts += 1;
    },
    onEntry: (entry) => entries.push(entry),
  });
}

const press = (text: string) => {
  for (const key of text) keys.press(key);
};

describe('keys that the person presses', () => {
  it('are one entry up to the end key, which is no part of it', () => {
    withSettings();
    press('4521');
    expect(entries).toEqual([]);
    press('#');
    expect(entries).toEqual(['4521']);
    expect(firsts).toBe(1);
  });

  it('are one entry up to a pause, however slowly they come before', () => {
    withSettings();
    for (const key of '12') {
      keys.press(key);
      vi.advanceTimersByTime(2_400);
    }
    expect(entries).toEqual([]);
    vi.advanceTimersByTime(100);
    expect(entries).toEqual(['12']);
    press('3');
    vi.advanceTimersByTime(2_500);
    expect(entries).toEqual(['12', '3']);
    expect(firsts).toBe(2);
  });

  it('are an entry at once in a menu of single keys, and as soon as there are as many as one may have', () => {
    withSettings({ max: 1 });
    press('7');
    expect(entries).toEqual(['7']);
    keys.close();
    withSettings({ max: 4 });
    press('12345');
    expect(entries).toEqual(['7', '1234']);
    vi.advanceTimersByTime(2_500);
    expect(entries).toEqual(['7', '1234', '5']);
  });

  it('mean the end key itself where nothing comes before it, and where none ends an entry', () => {
    withSettings();
    press('#');
    expect(entries).toEqual(['#']);
    keys.close();
    withSettings({ end: '' });
    press('1#');
    vi.advanceTimersByTime(2_500);
    expect(entries).toEqual(['#', '1#']);
  });

  it('wait for the words of whoever speaks meanwhile, and go with them', () => {
    withSettings();
    isSpeaking = true;
    press('12#34#5');
    vi.advanceTimersByTime(1_000);
    expect(entries).toEqual([]);
    expect(keys.take()).toBe('12 34');
    expect(keys.take()).toBeUndefined();
    isSpeaking = false;
    vi.advanceTimersByTime(2_500);
    expect(entries).toEqual(['5']);
  });

  it('stand alone where no words come of what was heard', () => {
    withSettings();
    isSpeaking = true;
    press('12#');
    vi.advanceTimersByTime(5_000);
    isSpeaking = false;
    vi.advanceTimersByTime(300);
    expect(entries).toEqual(['12']);
  });

  it('are forgotten when the call ends', () => {
    withSettings();
    press('12');
    keys.close();
    vi.advanceTimersByTime(10_000);
    expect(entries).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
