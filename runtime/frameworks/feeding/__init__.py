"""What a model is fed: which data becomes its inputs."""
