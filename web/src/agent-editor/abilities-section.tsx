import { ActionIcon, Box, Button, Checkbox, Group, Text, TextInput } from '@mantine/core'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { toolLooks } from '../agents/tool-looks.ts'
import type { EditorSectionProps } from './editor-types.ts'
import { Section } from './section.tsx'

const maxStarters = 6

export function ToolsSection({ draft, change, faultAt }: EditorSectionProps) {
  return (
    <Section id="tools-title" title="Tools" help="What the agent may do besides writing.">
      <Checkbox.Group
        value={draft.tools}
        onChange={(next) => change({ tools: next as typeof draft.tools })}
        error={faultAt('/tools', true) ?? faultAt('/knowledge', true)}
        aria-labelledby="tools-title"
      >
        <Group gap="md" align="flex-start" id="agent-tools">
          {Object.entries(toolLooks).map(([tool, look]) => (
            <Checkbox key={tool} value={tool} label={look.label} description={look.help} w="100%" />
          ))}
        </Group>
      </Checkbox.Group>
    </Section>
  )
}

export function StartersSection({ draft, change, faultAt }: EditorSectionProps) {
  const { starters } = draft
  return (
    <Section
      id="starters-title"
      title="First questions"
      help="Up to six things people can click on to begin a conversation."
    >
      {starters.map((starter, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the texts have no identity but their place.
        <Group key={index} gap="xs" wrap="nowrap" align="flex-start">
          <TextInput
            id={`starter-${index}`}
            flex={1}
            aria-label={`First question ${index + 1}`}
            maxLength={300}
            value={starter}
            onChange={(event) =>
              change({ starters: starters.map((text, at) => (at === index ? event.currentTarget.value : text)) })
            }
            error={faultAt(`/starters/${index}`)}
          />
          <ActionIcon
            mt={4}
            color="red.8"
            aria-label={`Remove first question ${index + 1}`}
            onClick={() => change({ starters: starters.filter((_, at) => at !== index) })}
          >
            <IconTrash size={18} stroke={1.7} />
          </ActionIcon>
        </Group>
      ))}
      {starters.length < maxStarters ? (
        <Box>
          <Button
            variant="light"
            leftSection={<IconPlus size={16} aria-hidden />}
            onClick={() => change({ starters: [...starters, ''] })}
          >
            Add a first question
          </Button>
        </Box>
      ) : (
        <Text size="sm" c="dimmed">
          Six are enough.
        </Text>
      )}
    </Section>
  )
}
