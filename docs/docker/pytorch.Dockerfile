# docker build -f docs/docker/pytorch.Dockerfile -t narrowcast-pytorch .
# docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" narrowcast-pytorch run net.yaml
FROM python:3.11-slim
# `execution: compile` needs a C++ compiler.
RUN apt-get update && apt-get install --yes --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
COPY . /narrowcast
RUN pip install --no-cache-dir -c /narrowcast/constraints.txt "/narrowcast[pytorch]"
ENV HOME=/tmp PYTHONDONTWRITEBYTECODE=1
WORKDIR /work
ENTRYPOINT ["narrowcast"]
