/**
 * A pure function of an object that nobody changes, worked out once for each object and forgotten with it. What is asked
 * again for every look at ten thousand domains, such as the JSON in an object of the cluster, is read once that way.
 */
export function remember<Key extends object, Value>(work: (key: Key) => Value): (key: Key) => Value {
  const known = new WeakMap<Key, { readonly value: Value }>();
  return (key) => {
    const before = known.get(key);
    if (before) return before.value;
    const value = work(key);
    known.set(key, { value });
    return value;
  };
}
