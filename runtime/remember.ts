/**
 * A pure function of an object that nobody changes, worked out once for each object and forgotten with it. What is asked
 * again for every look at ten thousand domains, such as the JSON in an object of the cluster, is read once that way.
 */
export function remember<Key extends object, Value>(work: (key: Key) => Value): (key: Key) => Value {
  const known = new WeakMap<Key, Value>();
  return (key) => {
    const before = known.get(key);
    // Two look-ups where nothing came out: a box for each value would cost more.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is known under the key was worked out of it
    if (before !== undefined || known.has(key)) return before as Value;
    const value = work(key);
    known.set(key, value);
    return value;
  };
}
