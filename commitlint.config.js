/** Version and changelog come from the commits: see CONTRIBUTING.md. */
module.exports = {
  extends: ['@commitlint/config-conventional'],
  rules: {
    'header-max-length': [2, 'always', 120],
    // Sentences about code name identifiers and services as they are written.
    'subject-case': [0],
    'body-max-line-length': [0],
    'footer-max-line-length': [0],
    'footer-leading-blank': [0],
  },
};
