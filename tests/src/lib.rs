//! Nothing of its own: the tests are in `end_to_end/`.
