export default {
  name: 'misspelt-key',
  summary: 'Has a key that is none.',
  bnd: () => ({}),
  setup: () => ({}),
};
