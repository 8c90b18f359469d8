# docker build -f docs/docker/tensorflow.Dockerfile -t narrowcast-tensorflow .
# docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" narrowcast-tensorflow run net.yaml
FROM python:3.11-slim
COPY . /narrowcast
RUN pip install --no-cache-dir -c /narrowcast/constraints.txt "/narrowcast[tensorflow]"
ENV HOME=/tmp PYTHONDONTWRITEBYTECODE=1
WORKDIR /work
ENTRYPOINT ["narrowcast"]
