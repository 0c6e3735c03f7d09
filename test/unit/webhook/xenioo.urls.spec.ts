import { describe, expect, it } from 'vitest';
import { XeniooUrls } from '../../../lib/webhook/xenioo.urls.js';
import { XeniooOptionsError } from '../../../lib/xenioo.errors.js';

const [ONE, OTHER] = [Symbol('xenioo/webhook'), Symbol('xenioo/webhook')];
const URL = '/api/xenioo/webhook';

describe('an instance', () => {
  it('may claim its URL again', () => {
    const urls = new XeniooUrls();
    urls.claim(URL, ONE);

    expect(() => urls.claim(URL, ONE)).not.toThrow();
  });

  it('may claim several', () => {
    const urls = new XeniooUrls();
    urls.claim(URL, ONE);

    expect(() => urls.claim(`${URL}/`, ONE)).not.toThrow();
  });
});

describe('two instances', () => {
  it('have each a URL of their own', () => {
    const urls = new XeniooUrls();
    urls.claim(URL, ONE);

    expect(() => urls.claim('/xenioo/webhook', OTHER)).not.toThrow();
    expect(() => urls.claim(`${URL}/shop`, OTHER)).not.toThrow();
  });

  it('can’t share one, and the error says what to do', () => {
    const urls = new XeniooUrls();
    urls.claim(URL, ONE);

    expect(() => urls.claim(URL, OTHER)).toThrow(
      new XeniooOptionsError([
        `two instances of XeniooModule have the URL ${URL}: give each its own \`path\`, or use one instance with both bots in \`bots\``,
      ]),
    );
  });

  it('can’t share one that differs by case, which Express takes for the same', () => {
    const urls = new XeniooUrls();
    urls.claim('/Hook', ONE);

    expect(() => urls.claim('/hook', OTHER)).toThrow(XeniooOptionsError);
  });

  it('leave it with who claimed it first', () => {
    const urls = new XeniooUrls();
    urls.claim(URL, ONE);

    expect(() => urls.claim(URL, OTHER)).toThrow(XeniooOptionsError);
    expect(() => urls.claim(URL, OTHER)).toThrow(XeniooOptionsError);
    expect(() => urls.claim(URL, ONE)).not.toThrow();
  });

  it('of two applications have nothing to do with each other', () => {
    new XeniooUrls().claim(URL, ONE);

    expect(() => new XeniooUrls().claim(URL, OTHER)).not.toThrow();
  });
});
