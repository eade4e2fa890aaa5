/** Answers in a settings form; a field that was emptied is undefined. Checked by `validateSettings`, not by types. */
export type FormValue = Record<string, unknown>
