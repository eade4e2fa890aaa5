export type Language = 'en' | 'de' | 'fr' | 'es'

// Function words, and the politeness around a question: they carry no topic.
const stopWordLists: Record<Language, string> = {
  en: `a about again all also am an and any anything are as at be been being but by can could did do does doing done dont
    else ever every few for from get gets getting give go going got had has have having he hello help her here hey hi him
    his how i id if ill im in into is it its ive just kindly know let like lot made make many may me might mine more most
    much must my need no not now of off ok okay on one ones only or other our ours out over please possible question really
    same say she should show so some something still such sure take takes taking tell than thank thanks that the their
    them then there these they thing things think this those to today too under up us use very want was way we well were
    what whats when where which while who whom whose why will wish with wondering would yes yet you your yours`,
  de: `aber alle allem allen aller alles als also am an andere auch auf aus bei beim bin bis bist bitte brauche da dabei
    dafur damit dann das dass dazu dein deine deinen dem den denn der des dich die dies diese diesem diesen dieser dieses
    dir doch dort du durch ein eine einem einen einer eines er es etwas euch euer eure eurem euren eurer fur ganz geben
    geht gern gerne gibt habe haben hallo hat hatte heute hier hilfe ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in
    ins ist ja jede jeden jeder jetzt kann kannst konnen konnt konnte man mal mehr mein meine meinem meinen meiner mich
    mir mit mochte muss mussen nach nein nicht noch nun nur ob oder schon sehr sein seine sich sie sind so soll sollte
    uber um und uns unser unsere unter viel vom von vor wann war warum was weil welche welchem welchen welcher welches
    wenn wer werde werden wie wieder will wir wird wissen wo wurde wurden zu zum zur`,
  fr: `a ai aide alors as au aucun aussi autre aux avec avez avoir avons bien bonjour ca car ce cela celle ces cet cette
    chez combien comme comment d dans de des dois donc du elle elles en encore es est et ete etes etre eu eux faire fait
    faites faut font il ils j je jai l la le les leur leurs lui ma mais me meme merci mes moi mon n ne nos notre nous on
    ont ou par pas peu peut peux plait plus pour pourquoi pouvez pouvons puis qu quand que quel quelle quelles quels qui
    quoi s sa sans se ses si son sont suis sur t ta te tes toi ton tous tout toute tres tu un une veux vos votre voudrais
    vous y`,
  es: `a al algo alguna alguno ahora antes aqui asi ayuda aun buenas buenos como con cual cuales cualquier cuando cuanto
    cuantos de del desde donde dos e el ella ellas ellos en entre era es esa ese eso esta estan estas este esto estos
    estoy fue gracias ha hace hacer hacen hasta hay haya he hola la las le les lo los mas me mi mis mucho muy nada ni no
    nos nosotros nuestra nuestro o os otra otro para pero por porque puede pueden puedo podria que quien quiero quisiera
    se sea ser si sin sobre son soy su sus tambien tan te tengo tiene tienen todo todos tu tus un una unas uno unos
    usted ustedes y ya yo`,
}

export const stopWords: Record<Language, ReadonlySet<string>> = {
  en: new Set(stopWordLists.en.split(/\s+/)),
  de: new Set(stopWordLists.de.split(/\s+/)),
  fr: new Set(stopWordLists.fr.split(/\s+/)),
  es: new Set(stopWordLists.es.split(/\s+/)),
}

const letterHints: [Language, RegExp][] = [
  ['de', /[äöüß]/i],
  ['fr', /[çèêàùœë]|\b[ldjnsc]['’](?=[a-zéèêà])/i],
  ['es', /[ñ¿¡]|[áíóú]/i],
]

/** Tells by function words and letters which of four languages a text is in; `fallback` when nothing speaks for one of them. */
export function detectLanguage(text: string, fallback: Language = 'en'): Language {
  const sample = text.slice(0, 20_000)
  const found = plainWords(sample)
  const scores: Record<Language, number> = { en: 0, de: 0, fr: 0, es: 0 }
  for (const language of Object.keys(scores) as Language[]) {
    for (const word of found) if (stopWords[language].has(word)) scores[language]++
  }
  for (const [language, letters] of letterHints) if (letters.test(sample)) scores[language] += 1.5
  const [best, second] = (Object.keys(scores) as Language[]).sort((a, b) => scores[b] - scores[a])
  if (best === undefined || second === undefined || scores[best] === scores[second]) return fallback
  return best
}

/** Words that name no topic by themselves but do beside another: `refund policy`, `phone number`, `do you sell lamps`. */
export const genericWords: ReadonlySet<string> = new Set(
  `policy policies terms condition conditions info information detail details option options time times item items product
  products article articles number numbers service services people person company business order orders sell sells buy
  bought purchase offer offers credit long much next kind type way ways work works working deal process
  artikel produkt produkte nummer dienst firma leute bestellung kaufen verkauft verkaufen moglich nachste nachsten
  produit produits numero commande acheter vendez vendre prochain prochaine
  producto productos pedido comprar venden vender proximo proxima informacion`.split(/\s+/),
)

/** Lower case, without accents (ß becomes ss), so that `Öffnungszeiten` and `offnungszeiten` are one word. */
export function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is all of ASCII
  if (/^[\x00-\x7f]*$/.test(text)) return text.toLowerCase()
  // Only the marks of Latin, Greek and Cyrillic go; in Hindi or Arabic marks are letters.
  return text
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]+/g, '')
    .normalize('NFC')
    .replaceAll('ß', 'ss')
    .replaceAll('œ', 'oe')
    .replace(/[’‘]/g, "'")
}

export function plainWords(text: string): string[] {
  return plain(text).match(/[\p{L}\p{N}\p{M}]+/gu) ?? []
}

/** Cuts the endings of inflection, never more than leaves a word recognisable. Takes a word as `plain` gives it. */
export function stem(word: string, language: Language): string {
  if (word.length < 4 || /[^a-z]/.test(word)) return word
  if (language === 'en') return stemEnglish(word)
  for (const ending of endings[language]) {
    if (word.endsWith(ending) && word.length - ending.length >= 4) return word.slice(0, -ending.length)
  }
  return word
}

const endings: Record<Exclude<Language, 'en'>, string[]> = {
  de: ['ungen', 'ung', 'ern', 'em', 'en', 'er', 'es', 'e', 'n', 's'],
  fr: ['ements', 'ement', 'ations', 'ation', 'ees', 'ee', 'er', 'ez', 'es', 'e', 's', 'x'],
  es: ['aciones', 'acion', 'ados', 'adas', 'ado', 'ada', 'es', 'as', 'os', 'ar', 'er', 'ir', 'a', 'o', 'e', 's'],
}

function stemEnglish(word: string): string {
  let cut = word
  if (/ies$/.test(cut)) cut = cut.length > 4 ? `${cut.slice(0, -3)}y` : cut.slice(0, -1)
  else if (/(?:s|x|z|ch|sh)es$/.test(cut)) cut = cut.slice(0, -2)
  else if (/[^sui]s$/.test(cut)) cut = cut.slice(0, -1)
  for (const ending of [/ation$/, /ment$/, /ing$/, /ed$/, /ly$/]) {
    const shorter = cut.replace(ending, '')
    if (shorter !== cut && shorter.length >= 3 && /[aeiouy]/.test(shorter)) {
      cut = shorter.replace(/([bdfgklmnprt])\1$/, '$1')
      break
    }
  }
  return cut.length > 4 ? cut.replace(/e$/, '').replace(/y$/, 'i') : cut
}
