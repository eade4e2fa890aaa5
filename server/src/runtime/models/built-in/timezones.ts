import { plain } from '../../knowledge/languages.ts'

// Big cities that are no zone of their own, and names in other languages than the zone's.
const moreCities: Record<string, string> = {
  'Europe/Berlin':
    'germany, deutschland, allemagne, alemania, munich, munchen, hamburg, cologne, koln, frankfurt, stuttgart, dusseldorf, leipzig, dresden, hannover, bremen, nuremberg, nurnberg, berlino',
  'Europe/Vienna': 'austria, osterreich, autriche, wien, vienne, viena, graz, salzburg, linz, innsbruck',
  'Europe/Zurich': 'switzerland, schweiz, suisse, suiza, geneva, genf, geneve, ginebra, basel, bern, berne, lausanne',
  'Europe/Paris': 'france, frankreich, francia, lyon, marseille, toulouse, bordeaux, lille, strasbourg, nantes',
  'Europe/Madrid': 'spain, spanien, espagne, espana, barcelona, valencia, seville, sevilla, malaga, bilbao',
  'Europe/London':
    'uk, england, britain, england, grossbritannien, angleterre, inglaterra, londres, manchester, birmingham, liverpool, leeds, bristol, edinburgh, glasgow, cardiff',
  'Europe/Rome': 'italy, italien, italie, italia, rom, roma, milan, mailand, milano, naples, turin, florence, venice',
  'Europe/Amsterdam': 'netherlands, holland, niederlande, rotterdam, utrecht',
  'Europe/Brussels': 'belgium, belgien, belgique, brussel, bruxelles, antwerp, ghent',
  'Europe/Prague': 'prag, praha',
  'Europe/Warsaw': 'poland, polen, warschau, varsovie, krakow',
  'Europe/Copenhagen': 'denmark, kopenhagen, copenhague',
  'Europe/Lisbon': 'portugal, lissabon, lisbonne, lisboa, porto',
  'Europe/Athens': 'greece, griechenland, athen, atenas',
  'Europe/Moscow': 'moskau, moscou, moscu',
  'Europe/Kyiv': 'ukraine, kiev, kiew',
  'America/New_York':
    'nyc, boston, philadelphia, washington, miami, atlanta, orlando, baltimore, pittsburgh, charlotte, nueva york',
  'America/Chicago':
    'dallas, houston, austin, san antonio, minneapolis, new orleans, st louis, nashville, memphis, milwaukee',
  'America/Denver': 'salt lake city, albuquerque',
  'America/Phoenix': 'arizona, tucson',
  'America/Los_Angeles': 'san francisco, seattle, san diego, las vegas, portland, sacramento, oakland, california',
  'America/Toronto': 'ottawa, montreal, quebec',
  'America/Sao_Paulo': 'rio de janeiro, brasilia, sao paulo',
  'America/Argentina/Buenos_Aires': 'buenos aires',
  'America/Mexico_City': 'ciudad de mexico, mexico',
  'Asia/Tokyo': 'japan, tokio, osaka, kyoto',
  'Asia/Shanghai': 'china, beijing, peking, shenzhen, guangzhou',
  'Asia/Kolkata':
    'india, indien, inde, mumbai, delhi, new delhi, bangalore, bengaluru, chennai, hyderabad, calcutta, pune',
  'Asia/Dubai': 'abu dhabi',
  'Asia/Jerusalem': 'israel, tel aviv',
  'Asia/Seoul': 'korea, south korea, busan',
  'Asia/Ho_Chi_Minh': 'vietnam, saigon, hanoi',
  'Australia/Sydney': 'canberra',
  'Pacific/Auckland': 'new zealand, wellington',
  'Africa/Cairo': 'egypt, kairo',
  'Africa/Johannesburg': 'south africa, cape town, kapstadt, pretoria',
}
let zonesByCity: Map<string, string> | undefined

/** The time zone of a city or country named in the text (as `plain` gives it), or `utc`; undefined without one. */
export function findTimezone(text: string): string | undefined {
  zonesByCity ??= readZones()
  const words = text.match(/[a-z']+/g) ?? []
  for (const length of [3, 2, 1]) {
    for (let at = 0; at + length <= words.length; at++) {
      const zone = zonesByCity.get(words.slice(at, at + length).join(' '))
      if (zone) return zone
    }
  }
  return undefined
}

function readZones(): Map<string, string> {
  const zones = new Map<string, string>([
    ['utc', 'UTC'],
    ['gmt', 'UTC'],
  ])
  for (const zone of Intl.supportedValuesOf('timeZone')) {
    const city = plain(zone.split('/').at(-1) ?? '').replaceAll('_', ' ')
    if (city.length > 3) zones.set(city, zone)
  }
  for (const [zone, names] of Object.entries(moreCities)) {
    for (const name of names.split(', ')) zones.set(name, zone)
  }
  return zones
}
