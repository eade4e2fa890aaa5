import { plain } from './languages.ts'

// Words of everyday service questions that mean the same, in four languages: `ship*` is a beginning, `*kosten` an ending.
// A question in one language thus finds a text in another. Kept to words that seldom mean anything else.
const wordTable: Record<string, string> = {
  ship: `ship shipping shipped ships shipment* deliver* dispatch* courier* postage parcel* package packages arriv* versand* versend*
    verschick* liefer* zustell* paket* sendung* livr* expedi* colis envio* enviar envian envias enviais entreg* paquete*`,
  return: `return* refund* exchang* ruckgab* zuruckgeb* zuruckschick* zurucksend* rucksend* retour* erstatt* ruckerstatt*
    umtausch* widerruf* rembours* echang* devol* reembols*`,
  price: `price* pricing cost costs fee fees charge charges expensive cheap preis* kosten kostet gebuhr* teuer *kosten *preis
    prix cout* tarif* cher precio* cuesta* cuestan coste* costes`,
  duration: `fast quick* lieferzeit* versanddauer* dauer* schnell delai* rapid* plazo* tarda*`,
  hours: `hours open opens opening close closes closed closing offnungszeit* geoffnet offen geschlossen horaire* ouvert* ouvre*
    ferme* horario* abierto* abierta* abren abre abris cerrado* cierra*`,
  contact: `contact* phone* telephone* call hotline support human kontakt* telefon* anruf* erreich* hotline joindre contacter
    appeler contacto* contactar llamar soporte`,
  pay: `pay pays paying paid payment* bezahl* zahlen zahlt zahlung* zahlungsart* paiement* payer pago* pagar`,
  card: `card cards karte karten kreditkarte* carte* tarjeta* visa mastercard amex`,
  invoice: `invoice* receipt* rechnung* facture* factura*`,
  cancel: `cancel* stornier* storno* kundig* annul* resili* anular`,
  warranty: `warrant* guarantee* garantie* gewahrleist* garantia*`,
  damage: `damag* broken broke defect* faulty kaputt* defekt* beschadig* casse* abime* roto rota danado* defectuos*`,
  discount: `discount* coupon* voucher* promo promotion* rabatt* gutschein* remise* reduction* descuento* cupon*`,
  place: `located location* visit* directions adresse* standort* anschrift direccion* ubicacion* situe*`,
  abroad: `abroad international* internacional* overseas worldwide foreign countr* europe europa european ausland* weltweit
    lander etranger* pays extranjero* pais paises`,
  booking: `book booking* appointment* reserv* schedule* termin* buchen buchung* rendez* rdv cita citas`,
  account: `account* login password* konto passwort* kennwort* anmelden compte* cuenta* contrasena*`,
  privacy: `privacy gdpr datenschutz* dsgvo confidentialite privacidad rgpd`,
  size: `size* sizing grosse grossen taille* talla*`,
  track: `track* sendungsverfolg* suivi* suivre seguimiento rastre*`,
  stock: `stock available availability lagernd vorratig verfugbar* disponib*`,
  gift: `gift* geschenk* cadeau* regalo*`,
  subscription: `subscri* abo abos abonn* suscrip*`,
  free: `free kostenlos* kostenfrei* gratis gratuit*`,
  sustainable: `sustainab* eco ecofriendly recycl* environment* nachhaltig* umwelt* durable* ecolog* sostenib*`,
  missing: `missing lost fehlt verloren manquant* perdu* perdido*`,
  children: `child children kid kids baby babies toddler* kinder enfant* nino ninos`,
  job: `job jobs career* vacanc* hiring stellenangebot* karriere* emploi* empleo*`,
}

const phraseTable: Record<string, string> = {
  duration: `how long|how fast|how soon|how quickly|how many days|when will|wie lange|wie schnell|combien de temps|quels? delais?|cuanto tiempo|cuanto tarda`,
  price: `how much|wie viel|wieviel|was kostet|combien coute|cuanto cuesta`,
  return: `money back|send (?:it |them |something |this )?back|give (?:it )?back|bring (?:it )?back|geld zuruck|zuruck ?(?:geben|schicken|senden)|change my mind|do(?:n't| not) like`,
  contact: `talk to|speak (?:to|with)|real person|get in touch|reach (?:you|someone|a )|customer service|in touch`,
  account: `log ?in|sign ?in|sign ?up`,
  place: `where are you|where can i find|find you|your (?:shop|store|office)|wo seid ihr|wo finde ich|wo sind sie|ou etes|donde esta`,
  track: `where(?:'s| is) my (?:order|parcel|package)|order status|wo (?:ist|bleibt) mein|ou est ma commande|donde esta mi`,
  stock: `in stock|auf lager|en stock`,
  missing: `(?:not|never|n't) (?:yet )?(?:arrive|receive|come)d?|nicht angekommen|pas arrivee?|pas recu|no ha llegado`,
  privacy: `personal data|my data|donnees personnelles|datos personales`,
}

const exactWords = new Map<string, string[]>()
const beginnings: [beginning: string, concept: string][] = []
const endings: [ending: string, concept: string][] = []
for (const [concept, words] of Object.entries(wordTable)) {
  for (const word of words.split(/\s+/)) {
    if (word.endsWith('*')) beginnings.push([word.slice(0, -1), concept])
    else if (word.startsWith('*')) endings.push([word.slice(1), concept])
    else exactWords.set(word, [...(exactWords.get(word) ?? []), concept])
  }
}
const beginningsByLetters = Map.groupBy(beginnings, ([beginning]) => beginning.slice(0, 3))
const phrases = Object.entries(phraseTable).map(([concept, pattern]) => ({
  concept,
  pattern: new RegExp(`\\b(?:${pattern})(?![a-z])`, 'g'),
}))

/** The concepts a word (as `plain` gives it) stands for, marked with `~` so that they are never taken for words. */
export function conceptsOfWord(word: string): string[] {
  const found = new Set(exactWords.get(word))
  for (const [beginning, concept] of beginningsByLetters.get(word.slice(0, 3)) ?? []) {
    if (word.startsWith(beginning)) found.add(concept)
  }
  for (const [ending, concept] of endings)
    if (word.length > ending.length + 3 && word.endsWith(ending)) found.add(concept)
  return [...found].map((concept) => `~${concept}`)
}

/** Concepts said in several words, and the text without those words. */
export function takePhrases(plainText: string): { concepts: string[]; rest: string } {
  const found = new Set<string>()
  let rest = plainText
  for (const { concept, pattern } of phrases) {
    rest = rest.replace(pattern, () => {
      found.add(`~${concept}`)
      return ' '
    })
  }
  return { concepts: [...found], rest }
}

/** Spellings of the table, for finding the word that a mistyped one was meant to be. */
export const conceptWords: readonly string[] = [
  ...exactWords.keys(),
  ...beginnings.map(([beginning]) => beginning),
].filter((word) => word.length >= 4)

let countries: ReadonlySet<string> | undefined

/** True for `austria`, `österreich`, `autriche` ... in plain spelling; only names of one word. */
export function isCountry(word: string): boolean {
  countries ??= countryNames()
  return countries.has(word)
}

function countryNames(): ReadonlySet<string> {
  const names = new Set([
    'usa',
    'america',
    'amerika',
    'amerique',
    'uk',
    'england',
    'angleterre',
    'inglaterra',
    'scotland',
  ])
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ']
  for (const language of ['en', 'de', 'fr', 'es']) {
    const display = new Intl.DisplayNames([language], { type: 'region', fallback: 'none' })
    for (const first of letters) {
      for (const second of letters) {
        const name = plain(display.of(first + second) ?? '')
        if (/^[a-z]{3,}$/.test(name)) names.add(name)
      }
    }
  }
  return names
}
