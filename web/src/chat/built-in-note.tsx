import { Anchor, Popover, Stack, Text } from '@mantine/core'

/** Says plainly that no language model wrote this, and what did. */
export function BuiltInNote() {
  return (
    <Text size="xs" c="dimmed" component="span">
      Built-in answer finder, not a language model.{' '}
      <Popover width={320} shadow="md" withArrow>
        <Popover.Target>
          <Anchor component="button" type="button" size="xs" underline="always">
            What is this?
          </Anchor>
        </Popover.Target>
        <Popover.Dropdown maw="calc(100vw - 2rem)">
          <Stack gap="xs">
            <Text size="sm">
              It looks for the answer in the texts of this agent’s settings, quotes what it finds with its source, and
              says so when it finds nothing. It cannot write, translate or reason.
            </Text>
            <Text size="sm">
              For free answers the operator of this site adds a model: a key of OpenAI, Anthropic or Google, or a model
              that runs on the own machine with Ollama.
            </Text>
          </Stack>
        </Popover.Dropdown>
      </Popover>
    </Text>
  )
}
