import { phrases } from './phrases.ts'
import { readIntents } from './read-intent.ts'
import type { Turn } from './read-turn.ts'

/** The answer when no tool was called: small talk, or a message that only a language model could answer. */
export function composeWithoutTools(turn: Turn): string {
  const say = phrases[turn.language]
  const [intent] = readIntents(turn.message)
  if (turn.message === '') return say.empty
  switch (intent?.kind) {
    case 'greeting':
      return phrases[greetingLanguage(turn)].greeting
    case 'thanks':
      return phrases[greetingLanguage(turn)].thanks
    case 'goodbye':
      return phrases[greetingLanguage(turn)].goodbye
    case 'who-are-you':
      return [say.whoAmI(agentName(turn.instructions)), needsModel(turn)].join('\n\n')
    default:
      return needsModel(turn)
  }
}

function needsModel({ language, tools }: Turn): string {
  const say = phrases[language]
  const abilities = (['calculator', 'current_time', 'fetch_page'] as const)
    .filter((tool) => tools.has(tool))
    .map((tool) => `- ${say.abilities[tool]}`)
  return abilities.length === 0 ? say.needsModel : `${say.needsModel}\n\n${say.canStill}\n${abilities.join('\n')}`
}

// "Danke" or "hola" alone holds no function word to tell its language by.
function greetingLanguage({ message, language }: Turn) {
  if (/\b(danke|dank|hallo|guten|moin|servus|gr[uü]ezi|gr[uü]ss|tsch[uü]ss|wiedersehen)/i.test(message)) return 'de'
  if (/\b(merci|bonjour|bonsoir|salut|coucou|revoir|bient[oô]t)\b/i.test(message)) return 'fr'
  if (/(gracias|hola|buen[oa]s|adi[oó]s|hasta luego)/i.test(message)) return 'es'
  return /^\W*(thank|hi\b|hello|hey|good|bye|thx|cheers)/i.test(message) ? 'en' : language
}

/** Whom the instructions speak for: the name after `of` or `for` in their first sentence. */
export function agentName(instructions: string): string | null {
  const firstSentence = instructions.slice(0, 500).split(/(?<=[.!?])\s|\n/)[0] ?? ''
  return (
    /\b(?:of|for|at|von|für|de|para|pour)\s+(\p{Lu}[^.,:;!?\n]{1,60})[.,:;!?]?/u.exec(firstSentence)?.[1]?.trim() ??
    null
  )
}
