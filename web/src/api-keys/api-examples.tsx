import { Anchor, Card, Group, NativeSelect, Stack, Switch, Tabs, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { userAgentNamesQuery } from '../agent-logs/agent-log-queries.ts'
import { CodeBlock } from '../ui/code-block.tsx'
import { TextLink } from '../ui/links.tsx'
import { codeExamples } from './code-examples.ts'

/** Programs to copy, filled with this site's address, one's own agent and, right after it was made, the key. */
export function ApiExamples({ apiKey }: { apiKey: string | null }) {
  const userAgents = useQuery(userAgentNamesQuery)
  const [chosenId, setChosenId] = useState<string | null>(null)
  const [isStreaming, setIsStreaming] = useState(false)
  const names = userAgents.data ?? []
  const model = chosenId ?? names[0]?.id ?? 'THE-ID-OF-YOUR-AGENT'
  const examples = codeExamples({ origin: window.location.origin, model, key: apiKey ?? 'YOUR-API-KEY' })
  return (
    <Card component="section" aria-labelledby="examples-title">
      <Stack>
        <div>
          <Title order={2} size="h3" id="examples-title">
            Talk to an agent from a program
          </Title>
          <Text c="dimmed" size="sm" mt={4}>
            Every client of OpenAI works: give it this site as its base URL and the id of your agent as the model. What
            it asks is in your logs like everything else. All routes are in the{' '}
            <Anchor href="/docs" inherit underline="always">
              API reference
            </Anchor>
            .
          </Text>
        </div>
        {userAgents.isSuccess && names.length === 0 && (
          <Text size="sm">
            You have no agent yet.{' '}
            <TextLink to="/agents" inherit underline="always">
              Pick one from the catalogue
            </TextLink>{' '}
            and its id stands in the examples.
          </Text>
        )}
        <Group justify="space-between" align="flex-end" gap="md">
          {names.length > 0 && (
            <NativeSelect
              label="Agent"
              value={model}
              onChange={(event) => setChosenId(event.currentTarget.value)}
              data={names.map(({ id, name }) => ({ value: id, label: name }))}
            />
          )}
          <Switch
            label="Stream the answer"
            checked={isStreaming}
            onChange={(event) => setIsStreaming(event.currentTarget.checked)}
            mb={8}
          />
        </Group>
        <Tabs defaultValue="curl" keepMounted={false}>
          <Tabs.List aria-label="Language of the example" mb="md">
            {examples.map(({ value, label }) => (
              <Tabs.Tab key={value} value={value}>
                {label}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          {examples.map(({ value, label, code, streaming }) => (
            <Tabs.Panel key={value} value={value}>
              <CodeBlock code={isStreaming ? streaming : code} label={installWords[value] ?? label} />
            </Tabs.Panel>
          ))}
        </Tabs>
      </Stack>
    </Card>
  )
}

const installWords: Record<string, string> = {
  curl: 'In a terminal',
  javascript: 'After npm install openai',
  python: 'After pip install openai',
}
