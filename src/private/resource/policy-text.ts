import { Token } from 'aws-cdk-lib';

/** A key as a policy has to write it: some characters mean more there, and those beyond Latin-1 cannot stand in it at all. */
export function literally(key: string): string {
  return Token.isUnresolved(key) ? key : key.replace(/[*?$]/g, character => `\${${character}}`).replace(/[^\x20-\xff]+/gu, '*');
}
