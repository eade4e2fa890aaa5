import type { Language } from '../../knowledge/languages.ts'

/** The fixed sentences of the built-in model. What it quotes stays in the language of the texts. */
export interface Phrases {
  greeting: string
  thanks: string
  goodbye: string
  whoAmI: (agent: string | null) => string
  canAsk: string
  iKnowAnswersTo: string
  unknown: string
  unsure: string
  noTexts: string
  contact: (contact: string) => string
  cannotWrite: string
  fromTheTexts: string
  takenTogether: (question: string) => string
  time: (time: string, timezone: string) => string
  pageBegins: (page: string) => string
  pageSays: (page: string) => string
  pageIsEmpty: (page: string) => string
  failed: (reason: string) => string
  needsModel: string
  canStill: string
  abilities: Record<'calculator' | 'current_time' | 'fetch_page', string>
  empty: string
}

const keys = '`OPENAI_API_KEY`, `ANTHROPIC_API_KEY`, `GOOGLE_API_KEY`'

export const phrases: Record<Language, Phrases> = {
  en: {
    greeting: 'Hello! What would you like to know?',
    thanks: 'You are welcome.',
    goodbye: 'Goodbye!',
    whoAmI: (agent) =>
      `I am the built-in answer finder, not a language model and not a person. I answer from the texts of ${agent ?? 'this agent'} and show where each answer stands.`,
    canAsk: 'You can ask me, for example:',
    iKnowAnswersTo: 'I do have answers to:',
    unknown: 'I do not know: the texts I have do not answer this.',
    unsure: 'I am not sure that this answers your question; it is the nearest text I have.',
    noTexts: 'No texts have been filled in for this agent yet, so there is nothing I could answer from.',
    contact: (contact) => `To reach a person: ${contact}.`,
    cannotWrite: 'I cannot write texts: I am the built-in answer finder, not a language model.',
    fromTheTexts: 'This is what the texts say about it:',
    takenTogether: (question) => `Taken together with your question “${question}”:`,
    time: (time, timezone) => `It is ${time} (${timezone}).`,
    pageBegins: (page) => `I cannot summarise, as I am not a language model. ${page} begins like this:`,
    pageSays: (page) => `${page} says:`,
    pageIsEmpty: (page) => `${page} has no text that I can read.`,
    failed: (reason) => `That did not work: ${reason}`,
    needsModel: `This agent needs a language model, and I am only the built-in answer finder. If none can be chosen for this agent, whoever runs the site can add one: set one of ${keys} (or \`COMPATIBLE_BASE_URL\`, or start Ollama) and restart.`,
    canStill: 'Until then I can:',
    abilities: {
      calculator: 'calculate: `19% of 250`',
      current_time: 'tell the time: `What time is it in Tokyo?`',
      fetch_page: 'read the beginning of a web page: `https://example.com`',
    },
    empty: 'Please write a question.',
  },
  de: {
    greeting: 'Hallo! Was möchten Sie wissen?',
    thanks: 'Gern geschehen.',
    goodbye: 'Auf Wiedersehen!',
    whoAmI: (agent) =>
      `Ich bin die eingebaute Antwortsuche, kein Sprachmodell und kein Mensch. Ich antworte aus den Texten von ${agent ?? 'diesem Agenten'} und zeige, wo jede Antwort steht.`,
    canAsk: 'Sie können mich zum Beispiel fragen:',
    iKnowAnswersTo: 'Antworten habe ich auf:',
    unknown: 'Das weiß ich nicht: In den Texten, die ich habe, steht dazu keine Antwort.',
    unsure: 'Ich bin nicht sicher, ob das Ihre Frage beantwortet; es ist der nächste Text, den ich habe.',
    noTexts: 'Für diesen Agenten sind noch keine Texte eingetragen, aus denen ich antworten könnte.',
    contact: (contact) => `So erreichen Sie einen Menschen: ${contact}.`,
    cannotWrite: 'Texte schreiben kann ich nicht: Ich bin die eingebaute Antwortsuche, kein Sprachmodell.',
    fromTheTexts: 'Das sagen die Texte dazu:',
    takenTogether: (question) => `Zusammen mit Ihrer Frage „${question}“ verstanden:`,
    time: (time, timezone) => `Es ist ${time} (${timezone}).`,
    pageBegins: (page) => `Zusammenfassen kann ich nicht, denn ich bin kein Sprachmodell. ${page} beginnt so:`,
    pageSays: (page) => `${page} sagt:`,
    pageIsEmpty: (page) => `${page} hat keinen Text, den ich lesen kann.`,
    failed: (reason) => `Das hat nicht geklappt: ${reason}`,
    needsModel: `Dieser Agent braucht ein Sprachmodell, und ich bin nur die eingebaute Antwortsuche. Wenn für diesen Agenten keines zur Wahl steht, kann es hinzufügen, wer die Seite betreibt: eine der Variablen ${keys} setzen (oder \`COMPATIBLE_BASE_URL\`, oder Ollama starten) und neu starten.`,
    canStill: 'Bis dahin kann ich:',
    abilities: {
      calculator: 'rechnen: `19% von 250`',
      current_time: 'die Uhrzeit sagen: `Wie spät ist es in Tokio?`',
      fetch_page: 'den Anfang einer Webseite lesen: `https://example.com`',
    },
    empty: 'Bitte schreiben Sie eine Frage.',
  },
  fr: {
    greeting: 'Bonjour ! Que souhaitez-vous savoir ?',
    thanks: 'Avec plaisir.',
    goodbye: 'Au revoir !',
    whoAmI: (agent) =>
      `Je suis la recherche de réponses intégrée, ni un modèle de langage ni une personne. Je réponds à partir des textes de ${agent ?? 'cet agent'} et je montre d’où vient chaque réponse.`,
    canAsk: 'Vous pouvez me demander, par exemple :',
    iKnowAnswersTo: 'J’ai des réponses à :',
    unknown: 'Je ne sais pas : les textes dont je dispose n’y répondent pas.',
    unsure: 'Je ne suis pas sûr que cela réponde à votre question ; c’est le texte le plus proche dont je dispose.',
    noTexts: 'Aucun texte n’a encore été saisi pour cet agent, je n’ai donc rien pour répondre.',
    contact: (contact) => `Pour joindre une personne : ${contact}.`,
    cannotWrite: 'Je ne peux pas rédiger : je suis la recherche de réponses intégrée, pas un modèle de langage.',
    fromTheTexts: 'Voici ce qu’en disent les textes :',
    takenTogether: (question) => `Avec votre question « ${question} » :`,
    time: (time, timezone) => `Il est ${time} (${timezone}).`,
    pageBegins: (page) => `Je ne peux pas résumer, car je ne suis pas un modèle de langage. ${page} commence ainsi :`,
    pageSays: (page) => `${page} dit :`,
    pageIsEmpty: (page) => `${page} n’a pas de texte que je puisse lire.`,
    failed: (reason) => `Cela n’a pas fonctionné : ${reason}`,
    needsModel: `Cet agent a besoin d’un modèle de langage, et je ne suis que la recherche de réponses intégrée. Si aucun ne peut être choisi pour cet agent, l’exploitant du site peut en ajouter un : définir ${keys} (ou \`COMPATIBLE_BASE_URL\`, ou lancer Ollama), puis redémarrer.`,
    canStill: 'En attendant, je peux :',
    abilities: {
      calculator: 'calculer : `19% de 250`',
      current_time: 'donner l’heure : `Quelle heure est-il à Tokyo ?`',
      fetch_page: 'lire le début d’une page web : `https://example.com`',
    },
    empty: 'Veuillez écrire une question.',
  },
  es: {
    greeting: '¡Hola! ¿Qué desea saber?',
    thanks: 'De nada.',
    goodbye: '¡Hasta luego!',
    whoAmI: (agent) =>
      `Soy el buscador de respuestas integrado, no un modelo de lenguaje ni una persona. Respondo a partir de los textos de ${agent ?? 'este agente'} y muestro dónde está cada respuesta.`,
    canAsk: 'Puede preguntarme, por ejemplo:',
    iKnowAnswersTo: 'Tengo respuestas a:',
    unknown: 'No lo sé: los textos que tengo no responden a esto.',
    unsure: 'No estoy seguro de que esto responda a su pregunta; es el texto más cercano que tengo.',
    noTexts: 'Todavía no se han introducido textos para este agente, así que no tengo de dónde responder.',
    contact: (contact) => `Para hablar con una persona: ${contact}.`,
    cannotWrite: 'No puedo escribir textos: soy el buscador de respuestas integrado, no un modelo de lenguaje.',
    fromTheTexts: 'Esto dicen los textos al respecto:',
    takenTogether: (question) => `Junto con su pregunta «${question}»:`,
    time: (time, timezone) => `Es ${time} (${timezone}).`,
    pageBegins: (page) => `No puedo resumir, porque no soy un modelo de lenguaje. ${page} empieza así:`,
    pageSays: (page) => `${page} dice:`,
    pageIsEmpty: (page) => `${page} no tiene texto que pueda leer.`,
    failed: (reason) => `No ha funcionado: ${reason}`,
    needsModel: `Este agente necesita un modelo de lenguaje y yo solo soy el buscador de respuestas integrado. Si no se puede elegir ninguno para este agente, quien administra el sitio puede añadir uno: definir ${keys} (o \`COMPATIBLE_BASE_URL\`, o iniciar Ollama) y reiniciar.`,
    canStill: 'Mientras tanto puedo:',
    abilities: {
      calculator: 'calcular: `19% de 250`',
      current_time: 'decir la hora: `¿Qué hora es en Tokio?`',
      fetch_page: 'leer el principio de una página web: `https://example.com`',
    },
    empty: 'Por favor, escriba una pregunta.',
  },
}
