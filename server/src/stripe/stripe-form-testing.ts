/** A value of a form of Stripe: `items[0][price]=x` nests. */
export type FormValue = string | { [key: string]: FormValue }
export type Form = { [key: string]: FormValue }

/** Nested brackets, as Stripe's reference writes them; lists have numbers for keys. */
export function readForm(text: string): Form {
  const form: Form = {}
  for (const [name, value] of new URLSearchParams(text)) {
    const path = [name.replace(/\[.*$/, ''), ...[...name.matchAll(/\[([^\]]*)\]/g)].map(([, key]) => key ?? '')]
    let place = form
    for (const key of path.slice(0, -1)) {
      const next = place[key]
      const inner: Form = typeof next === 'object' ? next : {}
      place[key] = inner
      place = inner
    }
    place[path.at(-1) ?? ''] = value
  }
  return form
}

export const text = (value: FormValue | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined
export const fields = (value: FormValue | undefined): Form => (typeof value === 'object' ? value : {})
/** Undefined stays so: what was not sent does not change. */
export const flag = (value: FormValue | undefined): boolean | undefined =>
  value === undefined ? undefined : value === 'true'
export const texts = (value: FormValue | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(fields(value)).map(([key, each]) => [key, text(each) ?? '']))
