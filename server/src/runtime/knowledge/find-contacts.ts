import type { Passage } from './build-passages.ts'
import { conceptsOfWord, takePhrases } from './concepts.ts'
import { plain, plainWords } from './languages.ts'

const emailPattern = /[\p{L}\p{N}._%+-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,4}/gu
const phonePattern = /(?<![\w/+-])(?:\+|0)\d(?:[ ()./-]{0,2}\d){6,14}(?![\w-])/g
const contacts = new WeakMap<Passage[], string[]>()

/** E-mail addresses and telephone numbers in the passages, at most three; those under a title about contact come first. */
export function findContacts(passages: Passage[]): string[] {
  const kept = contacts.get(passages)
  if (kept) return kept
  const found = new Set<string>()
  for (const { title, text } of [...passages.filter(isAboutContact), ...passages]) {
    if (found.size >= 3) break
    for (const [email] of text.matchAll(emailPattern)) found.add(email)
    // A number with many digits can be anything; near these words it is a telephone.
    if (/phone|call|tel|hotline|whatsapp|anruf|ruf|kontakt|contact|appel|llam/.test(plain(`${title} ${text}`))) {
      for (const [phone] of text.matchAll(phonePattern)) found.add(phone.trim())
    }
  }
  const list = [...found].slice(0, 3)
  contacts.set(passages, list)
  return list
}

function isAboutContact({ title }: Passage): boolean {
  const concepts = [...takePhrases(plain(title)).concepts, ...plainWords(title).flatMap(conceptsOfWord)]
  return concepts.includes('~contact') || /person|someone/i.test(title)
}
