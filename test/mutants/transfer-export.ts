import type { Mutant } from './mutant';

const HTTP = { test: 'test/unit/lambda/transfer/http/client.test.ts' };

export const TRANSFER_EXPORT_MUTANTS: readonly Mutant[] = [
  {
    guard: 'a connection on which a refused request was sent only in part is not used again (M17)',
    file: 'lambda/transfer/http/http-connection.ts',
    find: 'if (!this.keepAlive || halfSent) {',
    replace: 'if (!this.keepAlive) {',
    ...HTTP,
  },
  {
    guard: 'a connection that was idle for long is not used again (M18)',
    file: 'lambda/transfer/http/client.ts',
    find: 'connection.isReusable && performance.now() - connection.idleSince < LONGEST_IDLE',
    replace: 'connection.isReusable',
    ...HTTP,
  },
  {
    guard: 'an answer that is longer than announced ends the connection, so that no later request gets the rest',
    file: 'lambda/transfer/http/http-connection.ts',
    find: "case 'idle': this.destroy(); return;",
    replace: "case 'idle': return;",
    ...HTTP,
  },
  {
    guard: 'a body that is longer than the buffer of the caller is refused',
    file: 'lambda/transfer/http/http-connection.ts',
    find: 'if (this.target && this.left > this.target.length) { throw tooLong(); }',
    replace: '',
    ...HTTP,
  },
  {
    guard: 'a body that breaks off is not taken as complete',
    file: 'lambda/transfer/http/http-connection.ts',
    find: "if (this.state === 'until closed') { return this.finish(); }",
    replace: "if (this.state === 'until closed' || this.state === 'fixed') { return this.finish(); }",
    ...HTTP,
  },
];
