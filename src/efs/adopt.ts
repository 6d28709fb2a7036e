/**
 * What happens if a file system with the creation token exists already.
 */
export enum Adopt {
  /**
   * The deployment fails, and names it.
   */
  NEVER = 'NEVER',

  /**
   * It is adopted if its tags say that this construct made it, in this stack or in
   * one that was deleted since. Otherwise the deployment fails.
   */
  OWNED = 'OWNED',

  /**
   * It is adopted, whoever made it. For this the handler may mark any file system of
   * the account as this construct's; `adoptFileSystemId` needs that for one only.
   */
  ALWAYS = 'ALWAYS',
}
