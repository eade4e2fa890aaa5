export interface ExampleInput {
  /** Origin of this site, e.g. `https://agents.example.com`. */
  origin: string
  /** Id of a user agent: the `model` of the OpenAI-compatible API. */
  model: string
  /** A key, or the words that stand in for it. */
  key: string
}

export interface CodeExample {
  value: string
  label: string
  code: string
  streaming: string
}

/** Programs to copy and run; the ids and the address are those of this site. */
export function codeExamples({ origin, model, key }: ExampleInput): CodeExample[] {
  return [
    {
      value: 'curl',
      label: 'curl',
      code: `curl ${origin}/api/v1/user-agents/${model}/runs \\
  -H "Authorization: Bearer ${key}" \\
  -H "Content-Type: application/json" \\
  -d '{"input": "Hello!"}'`,
      streaming: `curl -N ${origin}/v1/chat/completions \\
  -H "Authorization: Bearer ${key}" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "${model}", "stream": true,
       "messages": [{"role": "user", "content": "Hello!"}]}'`,
    },
    {
      value: 'javascript',
      label: 'JavaScript',
      code: `import OpenAI from 'openai'

const client = new OpenAI({
  baseURL: '${origin}/v1',
  apiKey: '${key}',
})

const answer = await client.chat.completions.create({
  model: '${model}',
  messages: [{ role: 'user', content: 'Hello!' }],
})
console.log(answer.choices[0].message.content)`,
      streaming: `import OpenAI from 'openai'

const client = new OpenAI({
  baseURL: '${origin}/v1',
  apiKey: '${key}',
})

const stream = await client.chat.completions.create({
  model: '${model}',
  messages: [{ role: 'user', content: 'Hello!' }],
  stream: true,
})
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? '')
}`,
    },
    {
      value: 'python',
      label: 'Python',
      code: `from openai import OpenAI

client = OpenAI(
    base_url="${origin}/v1",
    api_key="${key}",
)

answer = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": "Hello!"}],
)
print(answer.choices[0].message.content)`,
      streaming: `from openai import OpenAI

client = OpenAI(
    base_url="${origin}/v1",
    api_key="${key}",
)

stream = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": "Hello!"}],
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)`,
    },
  ]
}
