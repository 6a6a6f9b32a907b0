// Runs in the isolate in place of typebox, whose 700 files would take longer to load than the process takes to start.
// The same schemas for the builders that options are made of; a test compares them.
const optional = Symbol('optional');
const isOptional = (schema) => schema?.[optional] === true;
const required = (properties) => {
  const names = Object.keys(properties).filter((name) => !isOptional(properties[name]));
  return names.length === 0 ? {} : { required: names };
};
const typed = (type) => (options = {}) => ({ type, ...options });
const object = (properties, options = {}) => ({ type: 'object', ...required(properties), properties, ...options });
const marked = (schema, value) => {
  const copy = { ...schema };
  delete copy[optional];
  // Not enumerable: what is made of a property's schema is not optional, and JSON does not hold it.
  if (value) Object.defineProperty(copy, optional, { value: true });
  return copy;
};
const chosen = (schema, isChosen, options) =>
  object(Object.fromEntries(Object.entries(schema.properties).filter(([name]) => isChosen(name))), options);
const words = (keys) => (Array.isArray(keys) ? keys : [keys]);

const builders = {
  Any: (options = {}) => ({ ...options }),
  Unknown: (options = {}) => ({ ...options }),
  Unsafe: (schema = {}) => ({ ...schema }),
  String: typed('string'),
  Number: typed('number'),
  Integer: typed('integer'),
  Boolean: typed('boolean'),
  Null: typed('null'),
  Literal: (value, options = {}) => ({ type: typeof value, const: value, ...options }),
  Enum: (values, options = {}) => ({ enum: Array.isArray(values) ? [...values] : Object.values(values), ...options }),
  Array: (items, options = {}) => ({ type: 'array', items, ...options }),
  Tuple: (items, options = {}) => ({ type: 'array', additionalItems: false, items, minItems: items.length, ...options }),
  Object: object,
  Record: (key, value, options = {}) => ({ type: 'object', patternProperties: { [key.pattern ?? '^.*$']: value }, ...options }),
  Union: (anyOf, options = {}) => ({ anyOf, ...options }),
  Intersect: (allOf, options = {}) => ({ allOf, ...options }),
  Optional: (schema) => marked(schema, true),
  Required: (schema, options) =>
    object(Object.fromEntries(Object.entries(schema.properties).map(([name, each]) => [name, marked(each, false)])), options),
  Partial: (schema, options) =>
    object(Object.fromEntries(Object.entries(schema.properties).map(([name, each]) => [name, marked(each, true)])), options),
  Pick: (schema, keys, options) => chosen(schema, (name) => words(keys).includes(name), options),
  Omit: (schema, keys, options) => chosen(schema, (name) => !words(keys).includes(name), options),
};

export const Type = new Proxy(builders, {
  get(target, name) {
    if (Object.hasOwn(target, name)) return target[name];
    throw new TypeError(`Type.${String(name)} is not available in a sandbox; allowed: ${Object.keys(target).join(', ')}`);
  },
});
