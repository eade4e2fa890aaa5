import { plain, plainWords } from '../../knowledge/languages.ts'
import { findTimezone } from './timezones.ts'

/** What a message, or one question of it, plainly asks for. */
export type Intent =
  | { kind: 'greeting' | 'thanks' | 'goodbye' | 'who-are-you' }
  | { kind: 'calculate'; expression: string }
  | { kind: 'time'; timezone: string | undefined }
  | { kind: 'read-page'; url: string }
  /** To write or change a text, which only a language model can; `topic` is what it is about. */
  | { kind: 'write'; topic: string }
  | { kind: 'find'; query: string }

const maxQuestions = 3

/** The intents of a message: one, or one for each of up to three questions in it. */
export function readIntents(message: string): Intent[] {
  const whole = readIntent(message)
  if (whole.kind !== 'find') return [whole]
  const questions = message.split(/(?<=[?？])\s+|\n+/).filter((part) => /[?？]\s*$/.test(part))
  if (questions.length < 2) return [whole]
  return questions.slice(0, maxQuestions).map((question) => readIntent(question.replace(/^.*[.!]\s+(?=\S+\s+\S)/s, '')))
}

function readIntent(message: string): Intent {
  const text = plain(message)
    .replace(/[\s!?.,¡¿]+/g, (blank) => (/^[.,]$/.test(blank) ? blank : ' '))
    .trim()
  const smallTalk = readSmallTalk(text.replace(/[.,]/g, ' ').replace(/\s+/g, ' ').trim())
  if (smallTalk) return { kind: smallTalk }
  const url = /https?:\/\/[^\s<>"')\]]+[^\s<>"')\].,;:!?]/i.exec(message)?.[0]
  if (url) return { kind: 'read-page', url }
  const expression = readExpression(message)
  if (expression) return { kind: 'calculate', expression }
  if (asksForTime(text)) return { kind: 'time', timezone: findTimezone(text) }
  const topic = readWritingTopic(message)
  if (topic !== null) return { kind: 'write', topic }
  return { kind: 'find', query: message.slice(0, 2000) }
}

const smallTalk: [kind: 'greeting' | 'thanks' | 'goodbye' | 'who-are-you', pattern: RegExp][] = [
  [
    'greeting',
    /^(hi|hello|hey|hiya|howdy|good (morning|afternoon|evening|day)|hallo|guten (tag|morgen|abend)|moin|servus|gruezi|gruss gott|bonjour|salut|bonsoir|coucou|hola|buenos dias|buenas( tardes| noches)?)( (there|all|everyone|team|zusammen|tous|a todos))?( how are you( today)?| wie gehts?( es (dir|ihnen))?| ca va| que tal| comment (ca va|allez vous))?$/,
  ],
  [
    'thanks',
    /^((ok|okay|great|perfect|super|cool|alles klar|parfait|genial|vale|perfecto) )?(thanks?( a lot| so much| very much)?|thank you( so much| very much)?|thx|ty|cheers|danke( schon| sehr)?|vielen dank|besten dank|merci( beaucoup| bien)?|(muchas |mil )?gracias)( (for (your|the) help|that helps?( a lot)?|fur (die|ihre) hilfe|pour votre aide|por (la|su) ayuda))?$/,
  ],
  [
    'goodbye',
    /^(bye( bye)?|goodbye|see you( later)?|tschuss|auf wiedersehen|ciao|au revoir|a bientot|adios|hasta luego)$/,
  ],
  [
    'who-are-you',
    /^(so )?(who|what) (are|r) (you|u)( exactly)?$|^are you (a |an |really )?((real|actual) )?(bot|chat ?bot|robot|human|person|ai|machine|computer|chatgpt|gpt|(large )?language model|llm)\b|^(am i|do i) (talking|speaking|talk|speak) (to|with) an? (human|person|bot|robot|machine|ai)$|^(and )?what (can|could) (you|i) (do|ask|help)\b.{0,30}$|^how (can|do) (you|i) (help|work|use (you|this))\b.{0,20}$|^help( me)?$|^(wer|was) (bist du|sind sie)( eigentlich)?$|^(bist du|sind sie|seid ihr) (ein|eine) (bot|mensch|ki|roboter|maschine|sprachmodell)\b|^was (kannst du|konnen sie|kann ich (dich |sie )?fragen)( alles)?( tun| machen)?$|^hilfe$|^qui (es tu|es-tu|etes vous|etes-vous)$|^(es tu|es-tu|etes vous|etes-vous) (un|une) (robot|humain|personne|ia|machine)\b|^que (peux tu|peux-tu|pouvez vous|pouvez-vous|sais tu|sais-tu) faire( pour moi)?$|^aide$|^(quien|que) (eres|es usted)$|^eres (un|una) (robot|bot|humano|persona|ia|maquina)\b|^que (puedes|puede|sabes) hacer( por mi)?$|^ayuda$/,
  ],
]

function readSmallTalk(text: string) {
  if (text.length > 80) return undefined
  return smallTalk.find(([, pattern]) => pattern.test(text))?.[0]
}

const calculationWords: [pattern: RegExp, sign: string][] = [
  [/\b(?:multiplied by|times|mal|fois|multiplie par|por|multiplicado por)\b/g, '*'],
  [/\b(?:divided by|geteilt durch|durch|divise par|dividido (?:por|entre)|entre)\b/g, '/'],
  [/\b(?:plus|mas|und)\b/g, '+'],
  [/\b(?:minus|moins|menos|weniger)\b/g, '-'],
  [/\b(?:to the power of|hoch|puissance|elevado a)\b/g, '^'],
  [/\b(?:percent|per cent|prozent|pour ?cent|por ciento)\b/g, '%'],
  [/%\s*(?:of|off|von|de|du|d'|del)\b/g, '% of'],
  [
    /\b(?:square root of|wurzel (?:aus|von)|racine (?:carree )?de|raiz (?:cuadrada )?de)\s*(\d+(?:[.,]\d+)?)/g,
    'sqrt($1)',
  ],
]
const calculationLead =
  /^(?:(?:hi|hello|hallo|please|bitte|and|und)[ ,]+)*(?:(?:what(?:'s| is| are)|how much (?:is|are)|calculate|compute|work out|solve|was (?:ist|ergibt|macht|sind)|wie ?viel (?:ist|sind|macht|ergibt)|berechne|rechne|combien (?:font|fait)|calcule[zr]?|cuanto (?:es|son)|calcula|que (?:es|son))\s*:?\s*)?(.*?)(?:\s*=)?$/

/** The expression of a message that is nothing but a calculation, with or without "what is" before it. */
function readExpression(message: string): string | undefined {
  if (message.length > 300) return undefined
  let text = plain(message)
    .replace(/[?!\s]+$/, '')
    .replace(/\.$/, '')
    .trim()
  text = calculationLead.exec(text)?.[1] ?? ''
  for (const [pattern, sign] of calculationWords) text = text.replace(pattern, sign)
  // 1,200.50 and 1.200,50 are numbers as people write them; a comma before one or two digits is a decimal comma.
  text = text
    .replace(/\b\d{1,3}(?:,\d{3})+(?!\d)/g, (number) => number.replaceAll(',', ''))
    .replace(/\b\d{1,3}(?:\.\d{3})+,\d+\b/g, (number) => number.replaceAll('.', '').replace(',', '.'))
    .replace(/(?<![\w(,]\s?)(\d+),(\d{1,2})\b(?!\s*[,)])/g, '$1.$2')
    .replace(/(\d)\s*x\s*(?=\d)/g, '$1*')
    .replace(/[€$£]/g, '')
    .trim()
  const names = text.match(/[a-z]+\d*/g) ?? []
  const known = /^(?:of|sqrt|abs|floor|ceil|round|min|max|sum|avg|ln|log10|mod|pi|e)$/
  if (!names.every((name) => known.test(name))) return undefined
  if (!/^[\da-z\s.,+\-*/×÷·−–^%()]+$/.test(text) || !/\d/.test(text)) return undefined
  // Telephone numbers and dates are not sums.
  if (/^\+|^0\d|^\d{4}-\d{1,2}-\d{1,2}$|^\d{1,2}[./]\d{1,2}[./]\d{2,4}$|^24\/7$/.test(text)) return undefined
  const hasOperation =
    /[\d)%]\s*(?:[+\-*/×÷·−–^%]|of)\s*[\d(a-z.-]|[a-z]\(|^\d[\d.]*\s*%\s+of|[+-]\s*\d[\d.]*\s*%$/.test(text)
  return hasOperation ? text : undefined
}

const timePatterns = [
  /\b(?:what|which)(?:'s| is)? (?:the )?(?:current |exact |local )?(?:time|date)(?: is it| it is)?(?: right)?(?: now| today)?(?: in [\w' -]+)?$/,
  /\b(?:what|which) day (?:is it|is today|of the week is it)\b/,
  /\b(?:what'?s? |tell me )?(?:the )?(?:current time|current date|today'?s date|time now|date today)\b/,
  /\b(?:tell me|know|give me) (?:the |what )?(?:time|date)(?: it is)?(?: in [\w' -]+)?$/,
  /^(?:the )?time in [\w' -]+$/,
  /\bwie spat (?:ist es|haben wir)|\bwie ?viel uhr (?:ist es|haben wir)|\baktuelle (?:uhrzeit|zeit)|^(?:die )?uhrzeit\b|\bwelche[rsn]? (?:wochen)?tag (?:ist heute|haben wir)|\bwelches datum\b|\bder wievielte ist heute/,
  /\bquelle heure (?:est[- ]il|il est)|\bheure actuelle|\bquel jour (?:sommes|on est|est[- ]ce)|\bquelle est la date/,
  /\bque hora es|\bhora actual|\bque dia es|\bque fecha (?:es|tenemos)|\bcual es la fecha/,
]

function asksForTime(text: string): boolean {
  return text.length <= 120 && timePatterns.some((pattern) => pattern.test(text))
}

const writingLead =
  /^(?:(?:hi|hello|hey|hallo|please|bitte|svp|por favor|can you|could you|would you|i want you to|i need you to|kannst du|konnen sie|peux-tu|pouvez-vous|puedes|puede)[ ,]+)*(?:(?:please|bitte)[ ,]+)?(?:help me (?:to )?)?(write|draft|compose|generate|translate|rewrite|rephrase|proofread|summari[sz]e|shorten|brainstorm|plan|prepare|quiz|make (?:me )?an?|reply to|schreib\w*|verfass\w*|entwirf|entwerfe|formulier\w*|ubersetz\w*|fasse?|kurze|ecri\w+|redige\w*|traduis\w*|resume\w*|reformule\w*|escrib\w*|redact\w*|traduc\w*|traduz\w*)\b(?! off\b)/

function readWritingTopic(message: string): string | null {
  const text = plain(message).trim()
  const lead = writingLead.exec(text)
  if (!lead) return null
  const rest = text.slice(lead[0].length)
  const form =
    /^\W*(?:me |mir |uns |us |-moi |a |an |the |some |five |three |einen? |ein |eine |un |une |una )*(?:short |long |kurzen? )?(?:[\w-]+ )?(?:post|posts|text|texts|article|e-?mail|reply|letter|newsletter|poem|story|answer|lesson plan|agenda|list|follow-up|artikel|beitrag|brief|gedicht|antwort|nachricht|message|lettre|courriel|poeme|carta|correo|articulo|poema)s?\b\s*(?:about|on|to|for|of|uber|zu|an|fur|sur|pour|a|de|sobre|para)?/
  return rest.replace(form, '').trim().slice(0, 500)
}

/** True for a message that leans on another: `and to Austria?`, `how much is that?`. */
export function pointsBack(message: string): boolean {
  const text = plainWords(message).join(' ')
  return (
    /^(and|but|or|also|what about|how about|und|oder|aber|auch|et|ou|mais|aussi|y|o|pero|tambien|e)\b/.test(text) ||
    /\b(it|that|this|they|them|those|these|es|das|dies|davon|dafur|dahin|ca|cela|ceux|eso|esto|ellos)\b/.test(text)
  )
}

/** True for a short message that only makes sense after another. `topicWords` counts the words in it that name a topic. */
export function isFollowUp(message: string, topicWords: number): boolean {
  const words = plainWords(message).length
  if (words === 0 || words > 10 || topicWords > 2) return false
  return words <= 3 || pointsBack(message)
}
