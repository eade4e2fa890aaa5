import { Accordion, Badge, Card, Group, List, SimpleGrid, Stack, Text, ThemeIcon, Title } from '@mantine/core'
import { IconCheck, IconMessageCircle } from '@tabler/icons-react'
import type { Agent } from '../../../api-client/src/api-types.ts'
import { WorksWith } from '../integrations/works-with.tsx'
import { toolLooks } from './tool-looks.ts'

/** Everything there is to know of an agent before it is set up. */
export function AgentDetails({ agent, idPrefix = 'agent' }: { agent: Agent; idPrefix?: string }) {
  const { capabilities, changes } = agent
  const settings = Object.entries(capabilities.settings.properties)
  return (
    <Stack gap="xl">
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg" style={{ alignItems: 'start' }}>
        {settings.length > 0 && (
          <Card component="section" aria-labelledby={`${idPrefix}-needs`}>
            <Title order={2} size="h3" id={`${idPrefix}-needs`} mb="sm">
              What it asks you
            </Title>
            <Stack gap={10}>
              {settings.map(([name, setting]) => (
                <Group key={name} justify="space-between" wrap="nowrap" gap="sm" align="flex-start">
                  <Text size="sm">{setting.title}</Text>
                  {capabilities.settings.required.includes(name) && <Badge color="honey">Needed</Badge>}
                </Group>
              ))}
            </Stack>
          </Card>
        )}
        <Stack gap="lg">
          {capabilities.starters.length > 0 && (
            <Card component="section" aria-labelledby={`${idPrefix}-starters`}>
              <Title order={2} size="h3" id={`${idPrefix}-starters`} mb="sm">
                What you can say to it
              </Title>
              <Stack gap={10}>
                {capabilities.starters.map((starter) => (
                  <Group key={starter} wrap="nowrap" gap="sm" align="flex-start">
                    <ThemeIcon size="sm" variant="transparent" aria-hidden>
                      <IconMessageCircle size={18} stroke={1.6} />
                    </ThemeIcon>
                    <Text size="sm">{starter}</Text>
                  </Group>
                ))}
              </Stack>
            </Card>
          )}
          <WorksWith integrations={capabilities.integrations} headingId={`${idPrefix}-accounts`} />
          {capabilities.tools.length > 0 && (
            <Card component="section" aria-labelledby={`${idPrefix}-tools`}>
              <Title order={2} size="h3" id={`${idPrefix}-tools`} mb="sm">
                What it can do besides writing
              </Title>
              <List
                size="sm"
                spacing={10}
                styles={{ itemWrapper: { alignItems: 'flex-start' } }}
                icon={
                  <ThemeIcon size="sm" radius="xl" variant="light" aria-hidden>
                    <IconCheck size={13} />
                  </ThemeIcon>
                }
              >
                {capabilities.tools.map((tool) => (
                  <List.Item key={tool}>
                    <Text size="sm" fw={600} component="span">
                      {toolLooks[tool].label}.
                    </Text>{' '}
                    {toolLooks[tool].help}
                  </List.Item>
                ))}
              </List>
            </Card>
          )}
        </Stack>
      </SimpleGrid>
      <Accordion variant="separated" radius="lg" order={2} className="ax-accordion">
        <Accordion.Item value="instructions">
          <Accordion.Control>The instructions it follows</Accordion.Control>
          <Accordion.Panel>
            <Text size="sm" className="ax-pre-line">
              {capabilities.instructions}
            </Text>
          </Accordion.Panel>
        </Accordion.Item>
        {changes.length > 0 && (
          <Accordion.Item value="changes">
            <Accordion.Control>What changed (version {agent.version})</Accordion.Control>
            <Accordion.Panel>
              <Stack gap="xs">
                {changes.map((change) => (
                  <Text size="sm" key={change.version}>
                    <b>Version {change.version}.</b> {change.summary}
                  </Text>
                ))}
              </Stack>
            </Accordion.Panel>
          </Accordion.Item>
        )}
      </Accordion>
    </Stack>
  )
}
