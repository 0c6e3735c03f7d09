import { describe, expect, it } from 'vitest';
import { XeniooUrls } from '../../../lib/webhook/xenioo.urls.js';
import { XeniooOptionsError } from '../../../lib/xenioo.errors.js';

const [ONE, OTHER] = [Symbol('xenioo/webhook'), Symbol('xenioo/webhook')];
const URL = '/api/xenioo/webhook';

describe('XeniooUrls of one instance', () => {
  it('accepts the same URL again', () => {
    const urls = new XeniooUrls();
    urls.claim(URL, ONE);

    expect(() => urls.claim(URL, ONE)).not.toThrow();
  });

  it('accepts several URLs', () => {
    const urls = new XeniooUrls();
    urls.claim(URL, ONE);

    expect(() => urls.claim(`${URL}/`, ONE)).not.toThrow();
  });
});

describe('XeniooUrls of two instances', () => {
  it('accepts different URLs', () => {
    const urls = new XeniooUrls();
    urls.claim(URL, ONE);

    expect(() => urls.claim('/xenioo/webhook', OTHER)).not.toThrow();
    expect(() => urls.claim(`${URL}/shop`, OTHER)).not.toThrow();
  });

  it('rejects a shared URL with an error that says what to do', () => {
    const urls = new XeniooUrls();
    urls.claim(URL, ONE);

    expect(() => urls.claim(URL, OTHER)).toThrow(
      new XeniooOptionsError([
        `two instances of XeniooModule have the URL ${URL}: give each its own \`path\`, or use one instance with both bots in \`bots\``,
      ]),
    );
  });

  it('rejects URLs that differ only by case, which Express treats as equal', () => {
    const urls = new XeniooUrls();
    urls.claim('/Hook', ONE);

    expect(() => urls.claim('/hook', OTHER)).toThrow(XeniooOptionsError);
  });

  it('keeps the URL with the instance that claimed it first', () => {
    const urls = new XeniooUrls();
    urls.claim(URL, ONE);

    expect(() => urls.claim(URL, OTHER)).toThrow(XeniooOptionsError);
    expect(() => urls.claim(URL, OTHER)).toThrow(XeniooOptionsError);
    expect(() => urls.claim(URL, ONE)).not.toThrow();
  });

  it('accepts the same URL in different applications', () => {
    new XeniooUrls().claim(URL, ONE);

    expect(() => new XeniooUrls().claim(URL, OTHER)).not.toThrow();
  });
});
