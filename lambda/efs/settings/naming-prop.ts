import { isNamed } from '../../shared/errors';
import { passesByItself } from '../../shared/retry';

/** Names the prop that a refusal is about. */
export async function about<T>(prop: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { message } = error as Error;
    const hasNothingToDoWithIt = passesByItself(error) || isNamed(error, 'Error', 'IncorrectFileSystemLifeCycleState', 'FileSystemNotFound');
    if (!hasNothingToDoWithIt && !message.startsWith("'")) { (error as Error).message = `'${prop}': ${message}`; }
    throw error;
  }
}
