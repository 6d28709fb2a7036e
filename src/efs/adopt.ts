/**
 * What happens if a file system with the creation token exists already.
 */
export enum Adopt {
  /**
   * The deployment fails, and names it.
   */
  NEVER = 'NEVER',

  /**
   * It is adopted if CloudFormation lists it as that of this construct: in this stack, or in
   * one of the same name that was deleted in the last 90 days. Otherwise the deployment fails.
   */
  OWNED = 'OWNED',

  /**
   * Any file system with the token is adopted, unless it belongs to a stack. For this the handler may mark any file system of
   * the account as this construct's; `adoptFileSystemId` needs that for one only.
   */
  ALWAYS = 'ALWAYS',
}
