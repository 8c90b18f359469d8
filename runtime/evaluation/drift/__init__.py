"""How far outputs are from what the model as loaded gives for the same inputs."""
