import { atOnce, forAllAtOnce } from '../../../../lambda/shared/at-once';

/** Work that ends when it is told to. */
function given() {
  let [resolve, reject] = [(_: string) => {}, (_: Error) => {}];
  const promise = new Promise<string>((...ways) => { [resolve, reject] = ways; });
  return { promise, resolve, reject };
}

/** Lets all that can go on do so. */
const settle = () => new Promise(resolve => { setImmediate(resolve); });

test('the results have the order of the work, whichever ends first', async () => {
  const [one, two] = [given(), given()];
  const both = atOnce(one.promise, two.promise);
  two.resolve('two');
  await settle();
  one.resolve('one');
  expect(await both).toEqual(['one', 'two']);
});

test('the first error is thrown when all work has ended', async () => {
  const works = [given(), given(), given()];
  const ended = jest.fn();
  const all = forAllAtOnce(works, ({ promise }) => promise).catch(ended);
  works[2].reject(new Error('third'));
  works[1].reject(new Error('second'));
  await settle();
  expect(ended).not.toHaveBeenCalled();
  works[0].resolve('first');
  await all;
  expect(ended).toHaveBeenCalledWith(new Error('second'));
});
